locals {
  types    = toset(values(local.nodes)[*].type)
  zones_of = { for type, offered in data.aws_ec2_instance_type_offerings.node : type => offered.locations }
  # The zones where every node can run. A zone is the region and a letter; a Local Zone has a longer name.
  zones = [
    for zone in sort(setintersection(values(local.zones_of)...)) : zone
    if can(regex("^${var.region}[a-z]$", zone))
  ]
}

data "aws_ec2_instance_type" "node" {
  for_each = local.types

  instance_type = each.key

  lifecycle {
    postcondition {
      condition     = self.memory_size >= 2048
      error_message = "${each.key} has ${self.memory_size} MiB of memory and a node needs 2048: choose a larger one in TF_VAR_instance_types, such as t3.small."
    }
    postcondition {
      condition     = var.ami_id != null || contains(self.supported_architectures, "x86_64")
      error_message = "${each.key} cannot run Debian for amd64: choose another in TF_VAR_instance_types, such as t3.small, or name an image in TF_VAR_ami_id."
    }
  }
}

# Not every zone has every type: us-east-1e has no t3.
data "aws_ec2_instance_type_offerings" "node" {
  for_each = local.types

  location_type = "availability-zone"

  filter {
    name   = "instance-type"
    values = [each.key]
  }
}
