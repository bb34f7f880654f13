resource "aws_key_pair" "admin" {
  key_name   = local.name
  public_key = trimspace(var.ssh_public_key != null ? var.ssh_public_key : try(file(pathexpand("~/.ssh/id_ed25519.pub")), ""))

  lifecycle {
    precondition {
      condition     = var.ssh_public_key != null || fileexists(pathexpand("~/.ssh/id_ed25519.pub"))
      error_message = "There is no ~/.ssh/id_ed25519.pub: make a key with ssh-keygen -t ed25519, or set TF_VAR_ssh_public_key."
    }
  }
}

locals {
  workers = [for n in range(1, var.workers + 1) : "worker-${n}"]
  roles   = merge({ manager = "manager", database = "database" }, { for name in local.workers : name => "worker" })
  nodes   = { for name, role in local.roles : name => { role = role, type = var.instance_types[role] } }
}

resource "aws_instance" "node" {
  #checkov:skip=CKV_AWS_88:A node loads packages and images without a NAT gateway, and is reached by SSH. The security groups say who may reach it.
  #checkov:skip=CKV_AWS_126:Monitoring each minute is paid for. `quickdata status` and the watch on backups say what is wrong.
  #checkov:skip=CKV_AWS_135:Types that give NVMe names are optimized by default. The argument would replace nodes that exist.
  for_each = local.nodes

  ami                         = local.image
  instance_type               = each.value.type
  subnet_id                   = aws_subnet.public.id
  associate_public_ip_address = true
  key_name                    = aws_key_pair.admin.key_name
  iam_instance_profile        = each.value.role == "database" ? aws_iam_instance_profile.database.name : null
  vpc_security_group_ids      = concat([aws_security_group.node.id], each.value.role == "worker" ? [] : [aws_security_group.web.id])

  metadata_options {
    http_tokens                 = "required"
    http_put_response_hop_limit = 1 # out of the reach of containers
  }

  root_block_device {
    encrypted   = true
    volume_type = "gp3"
    volume_size = var.disk_gib.node
    tags        = { Name = "${local.name}-${each.key}" }
  }

  tags = { Name = "${local.name}-${each.key}", Role = each.value.role }

  lifecycle {
    precondition {
      condition     = contains(local.zones_of[each.value.type], aws_subnet.public.availability_zone)
      error_message = "${each.value.type} is not on offer in the deployment's zone ${aws_subnet.public.availability_zone}: choose another in TF_VAR_instance_types, such as t3.small."
    }

    # For a node that exists, `self.ami` is the image with which it was created.
    postcondition {
      condition     = self.ami != local.no_image
      error_message = "There is no image of Debian ${var.debian_release} for amd64 in ${var.region}: choose another release in TF_VAR_debian_release, or name an image in TF_VAR_ami_id."
    }

    # A newer image must not replace a node that holds data. A stopped node loses its public address, which the
    # provider would see as a changed setting: that must not replace the node either.
    ignore_changes = [ami, user_data, associate_public_ip_address]
  }
}

# PostgreSQL's disk, which outlives its node. A destroy by hand takes no backup: a snapshot stays.
resource "aws_ebs_volume" "postgres" {
  #checkov:skip=CKV_AWS_189:AWS's own key encrypts it. A key of our own costs money, and who loses it loses the data.
  availability_zone = aws_subnet.public.availability_zone
  encrypted         = true
  type              = "gp3"
  size              = var.disk_gib.postgres
  final_snapshot    = true

  tags = { Name = "${local.name}-postgres" }

  timeouts {
    delete = "2h" # AWS copies all used blocks into the snapshot first
  }

  lifecycle {
    # Only the provider knows these. For an older or an adopted disk it would plan a change that changes nothing on AWS.
    ignore_changes = [final_snapshot, timeouts]
  }
}

resource "aws_volume_attachment" "postgres" {
  device_name = "/dev/sdf"
  volume_id   = aws_ebs_volume.postgres.id
  instance_id = aws_instance.node["database"].id
  # A disk in use cannot be detached.
  stop_instance_before_detaching = true
}
