# App: everything that can be destroyed and made again. Reads where the backups
# go from the storage stack's state, and cannot start without it.
terraform {
  required_version = ">= 1.11"

  required_providers {
    aws = {
      # In full, so that OpenTofu and Terraform write the same host into lock and state.
      source  = "registry.opentofu.org/hashicorp/aws"
      version = "5.100.0"
    }
  }
}

provider "aws" {
  region = var.region

  default_tags {
    tags = {
      Project = "quickdata"
      Stack   = "app"
      Suffix  = local.suffix
    }
  }
}

locals {
  suffix = lower(var.bucket_suffix)
  name   = "quickdata-${local.suffix}"
  # AWS keeps a range by its first address, and would report any other as a change.
  admin_cidr = var.admin_cidr == null ? null : cidrsubnet(var.admin_cidr, 0, 0)
}
