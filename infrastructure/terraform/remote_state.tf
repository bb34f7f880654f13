data "terraform_remote_state" "storage" {
  backend = var.storage_backend
  config  = var.storage_config

  lifecycle {
    postcondition {
      condition     = try(endswith(self.outputs.bucket_name, "-storage-bucket-${local.suffix}"), false)
      error_message = "The storage state holds no bucket for the suffix ${local.suffix}: apply infrastructure/terraS3 first, with the same TF_VAR_bucket_suffix."
    }
    # In another region the nodes would all be made anew, beside those that run.
    postcondition {
      condition     = try(self.outputs.region, var.region) == var.region
      error_message = "The bucket is in ${try(self.outputs.region, "")}, and the region asked for is ${var.region}: set TF_VAR_region to the bucket's."
    }
  }
}

locals {
  storage = data.terraform_remote_state.storage.outputs
}
