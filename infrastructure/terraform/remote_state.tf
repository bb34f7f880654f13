data "terraform_remote_state" "storage" {
  backend = var.storage_backend
  config  = var.storage_config

  lifecycle {
    postcondition {
      condition     = try(endswith(self.outputs.bucket_name, "-storage-bucket-${local.suffix}"), false)
      error_message = "The storage state holds no bucket for the suffix ${local.suffix}: apply infrastructure/terraS3 first, with the same TF_VAR_bucket_suffix."
    }
  }
}

locals {
  storage = data.terraform_remote_state.storage.outputs
}
