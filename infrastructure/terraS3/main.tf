# Storage: the bucket that outlives the app. Its state is its own, so that no
# change to the app can ever reach the backups.
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
      Stack   = "storage"
      Suffix  = local.suffix
    }
  }
}
