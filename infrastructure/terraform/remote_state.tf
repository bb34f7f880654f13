data "terraform_remote_state" "s3" {
  backend = var.storage_backend
  config  = var.storage_config

  lifecycle {
    postcondition {
      condition     = try(self.outputs.s3_bucket_name, self.outputs.bucket_name, "") == "${var.s3_bucket_base_name}-${local.suffix}"
      error_message = "The storage state holds no bucket ${var.s3_bucket_base_name}-${local.suffix}: apply infrastructure/terraS3 first, with the same TF_VAR_bucket_suffix and TF_VAR_s3_bucket_base_name."
    }
    # In another region, all nodes would be created again, beside those that run.
    postcondition {
      condition     = try(self.outputs.region, var.region) == var.region
      error_message = "The bucket is in ${try(self.outputs.region, "")}, and the region asked for is ${var.region}: set TF_VAR_region to the bucket's."
    }
  }
}

# An older storage state has other names for its outputs until its next apply.
locals {
  s3_bucket_name = try(data.terraform_remote_state.s3.outputs.s3_bucket_name, data.terraform_remote_state.s3.outputs.bucket_name)
  s3_bucket_arn  = try(data.terraform_remote_state.s3.outputs.s3_bucket_arn, data.terraform_remote_state.s3.outputs.bucket_arn)
}
