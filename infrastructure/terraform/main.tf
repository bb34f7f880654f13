# App: everything that can be destroyed and created again. It reads the bucket's
# name from the storage stack's state, and cannot start without it.
terraform {
  required_version = ">= 1.11"

  required_providers {
    aws = {
      # The full name: OpenTofu and Terraform then write the same host into lock and state.
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
  # AWS stores a range by its first address. Another spelling would show as a change.
  admin_cidr = var.admin_cidr == null ? null : cidrsubnet(var.admin_cidr, 0, 0)
}
