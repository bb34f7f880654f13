# Storage: the bucket that outlives the app. It has a state of its own: no change
# of the app can reach the backups.
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
      Stack   = "storage"
      Suffix  = local.suffix
    }
  }
}
