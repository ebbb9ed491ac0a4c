"""ScalingPolicy: an ECS service's autoscaling, and its performance."""
