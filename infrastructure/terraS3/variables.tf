variable "s3_bucket_base_name" {
  description = "First part of the bucket's name. A hyphen and the suffix follow."
  type        = string
  default     = "quickdata-pg-backups-storage-bucket"
  nullable    = false

  validation {
    condition     = can(regex("^[a-z0-9-]*$", var.s3_bucket_base_name))
    error_message = "s3_bucket_base_name has a character that is not a lowercase letter, digit or hyphen: set TF_VAR_s3_bucket_base_name to one like team-backups."
  }

  validation {
    condition     = !startswith(var.s3_bucket_base_name, "-") && !endswith(var.s3_bucket_base_name, "-") && var.s3_bucket_base_name != ""
    error_message = "s3_bucket_base_name is empty, or begins or ends with a hyphen: set TF_VAR_s3_bucket_base_name to one like team-backups."
  }

  validation {
    condition     = !can(regex("^(xn--|sthree-|amzn-s3-demo-)", "${var.s3_bucket_base_name}-"))
    error_message = "s3_bucket_base_name has a beginning that S3 reserves for itself (xn--, sthree-, amzn-s3-demo-): set TF_VAR_s3_bucket_base_name to one like team-backups."
  }

  validation {
    condition     = length(var.s3_bucket_base_name) <= 61
    error_message = "s3_bucket_base_name has more than 61 characters, and S3 allows 63 for the whole bucket name, with a hyphen and the suffix: set TF_VAR_s3_bucket_base_name to one like team-backups."
  }
}

variable "bucket_suffix" {
  description = "Last part of the bucket's name: no other deployment has it. Upper case becomes lower case."
  type        = string
  nullable    = false

  validation {
    condition     = var.bucket_suffix != ""
    error_message = "bucket_suffix is not set: set TF_VAR_bucket_suffix to a name of your own, such as ppr."
  }

  validation {
    condition     = length("${var.s3_bucket_base_name}-${var.bucket_suffix}") <= 63
    error_message = "bucket_suffix has more than ${62 - length(var.s3_bucket_base_name)} characters, and S3 allows 63 for the whole bucket name: set TF_VAR_bucket_suffix to a shorter one, such as ppr."
  }

  validation {
    condition     = can(regex("^[A-Za-z0-9-]*$", var.bucket_suffix))
    error_message = "bucket_suffix has a character that is not a letter, digit or hyphen: set TF_VAR_bucket_suffix to one like team-7."
  }

  validation {
    condition     = !startswith(var.bucket_suffix, "-") && !endswith(var.bucket_suffix, "-")
    error_message = "bucket_suffix begins or ends with a hyphen: set TF_VAR_bucket_suffix to one like team-7."
  }

  validation {
    condition     = !can(regex("(^an|-an|^s3alias|-s3alias|--(ol|x|table)-s3)$", lower(var.bucket_suffix)))
    error_message = "bucket_suffix has an ending that S3 reserves for itself (-an, -s3alias, --ol-s3, --x-s3, --table-s3): set TF_VAR_bucket_suffix to one with another ending, such as ppr."
  }

  validation {
    condition     = !endswith(lower(var.bucket_suffix), "-tfstate")
    error_message = "bucket_suffix ends in -tfstate, which may name the bucket of another suffix's states: set TF_VAR_bucket_suffix to one with another ending, such as ppr."
  }
}

variable "region" {
  description = "Region of the bucket."
  type        = string
  default     = "eu-west-3"
  nullable    = false

  validation {
    condition     = can(regex("^[a-z]{2}(-[a-z]+)+-[0-9]$", var.region))
    error_message = "region is not the name of a region: set TF_VAR_region to one like eu-west-3."
  }
}
