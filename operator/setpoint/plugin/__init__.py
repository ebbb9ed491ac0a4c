"""Commands for people: what `kubectl setpoint` shows of the resources, and how it edits them."""
