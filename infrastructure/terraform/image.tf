locals {
  no_image = "no-image-found"
  image    = var.ami_id != null ? var.ami_id : try(data.aws_ami_ids.debian[0].ids[0], local.no_image)
}

# The newest image comes first. An empty list is not an error: old images vanish, and nodes that exist need none.
data "aws_ami_ids" "debian" {
  count = var.ami_id == null ? 1 : 0

  owners = ["136693071363"] # Debian

  filter {
    name   = "name"
    values = ["debian-${var.debian_release}-amd64-*"]
  }
}
