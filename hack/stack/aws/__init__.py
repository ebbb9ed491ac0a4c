"""AWS on loopback: moto's server behind a layer that is as strict as AWS where moto is not."""
