variable "s3_bucket_base_name" {
  description = "The base name with which storage was applied."
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
  description = "The suffix with which storage was applied. It ends every name. Upper case becomes lower case."
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
  description = "Region of the nodes; it must be the bucket's region."
  type        = string
  default     = "eu-west-3"
  nullable    = false

  validation {
    condition     = can(regex("^[a-z]{2}(-[a-z]+)+-[0-9]$", var.region))
    error_message = "region is not the name of a region: set TF_VAR_region to one like eu-west-3."
  }
}

variable "admin_cidr" {
  description = "Addresses that may reach SSH, and NocoDB where its port is open. Null: none."
  type        = string
  default     = null

  validation {
    condition     = var.admin_cidr == null || try(cidrnetmask(var.admin_cidr) != "" && tonumber(split("/", var.admin_cidr)[1]) >= 8, false)
    error_message = "admin_cidr is not an IPv4 range of at most 16 million addresses (/8): set TF_VAR_admin_cidr to your own address, such as 203.0.113.7/32."
  }
}

variable "ssh_public_key" {
  description = "Public half of the administrator's key. Null: the content of ~/.ssh/id_ed25519.pub."
  type        = string
  default     = null

  validation {
    condition     = var.ssh_public_key == null || can(regex("^(ssh-ed25519|ssh-rsa) [A-Za-z0-9+/]+=*( [^\n]*)?\n?$", var.ssh_public_key))
    error_message = "ssh_public_key is not one line that begins with ssh-ed25519 or ssh-rsa, the types that EC2 accepts: set TF_VAR_ssh_public_key to the content of a .pub file."
  }
}

variable "domain" {
  description = "Name under which a TLS proxy serves NocoDB to everyone. Empty: only the administrator reaches NocoDB."
  type        = string
  default     = ""
  nullable    = false

  validation {
    condition     = var.domain == "" || can(regex("^([a-z0-9-]+\\.)+[a-z]{2,}$", var.domain))
    error_message = "domain is not a host name in lower case: set TF_VAR_domain to one like nocodb.example.org, without https:// and without a path."
  }
}

variable "open_nocodb_port" {
  description = "Whether admin_cidr reaches NocoDB's port where there is no domain. There is no TLS: passwords cross the Internet in clear. False: only through SSH."
  type        = bool
  default     = false
  nullable    = false
}

variable "workers" {
  description = "Number of Swarm workers beside the manager and the database node."
  type        = number
  default     = 0
  nullable    = false

  validation {
    condition     = var.workers >= 0 && floor(var.workers) == var.workers
    error_message = "workers is not a whole number of 0 or more: set TF_VAR_workers to one, such as 2."
  }
}

variable "debian_release" {
  description = "Debian's release on nodes that are created. Nodes that exist keep theirs."
  type        = number
  default     = 13
  nullable    = false

  validation {
    condition     = var.debian_release >= 12 && floor(var.debian_release) == var.debian_release
    error_message = "debian_release is not a release from 12 on: set TF_VAR_debian_release to 12 or 13."
  }
}

variable "ami_id" {
  description = "Image of nodes that are created. Null: the newest of Debian's release."
  type        = string
  default     = null
}

variable "instance_types" {
  description = "Instance type of each role. NocoDB and PostgreSQL share the database node."
  type = object({
    manager  = optional(string, "t3.small")
    database = optional(string, "t3.medium")
    worker   = optional(string, "t3.small")
  })
  default  = {}
  nullable = false
}

variable "disk_gib" {
  description = "Size in GiB of each node's own disk, and of the disk with PostgreSQL's data."
  type        = object({ node = optional(number, 20), postgres = optional(number, 20) })
  default     = {}
  nullable    = false
}

variable "storage_backend" {
  description = "Type of the backend that holds the storage stack's state: local, s3 or http."
  type        = string
  default     = "local"
}

variable "storage_config" {
  description = "Configuration of that backend."
  type        = any
  default     = { path = "../terraS3/terraform.tfstate" }
}
