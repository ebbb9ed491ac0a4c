"""What a resource may reach: AWS roles by grant, hosts by address."""
