# S3 allows 63 characters for the whole name; the fixed part takes 36 of them.
variable "bucket_suffix" {
  description = "Tells your deployment from everybody else's; ends the bucket's name. Upper case is lowered."
  type        = string
  nullable    = false

  validation {
    condition     = length(var.bucket_suffix) <= 27
    error_message = "bucket_suffix has more than 27 characters, and S3 allows 63 for the whole bucket name: set TF_VAR_bucket_suffix to something shorter, such as your initials."
  }

  validation {
    condition     = can(regex("^[a-z0-9]([a-z0-9-]*[a-z0-9])?$", lower(var.bucket_suffix)))
    error_message = "bucket_suffix may hold letters, digits and hyphens, and must begin and end with a letter or digit: set TF_VAR_bucket_suffix to something like ppr or team-7."
  }

  validation {
    condition     = !can(regex("(^an|-an|^s3alias|-s3alias|--(ol|x|table)-s3)$", lower(var.bucket_suffix)))
    error_message = "bucket_suffix ends as S3 reserves for itself (-an, -s3alias, --ol-s3, --x-s3, --table-s3): add a letter or digit to the end of TF_VAR_bucket_suffix."
  }
}
