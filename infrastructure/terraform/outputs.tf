output "backup_bucket" {
  description = "Name of the bucket that holds the backups, from the storage stack."
  value       = local.s3_bucket_name
}

output "region" {
  description = "Region of that bucket."
  value       = data.terraform_remote_state.s3.outputs.region
}

output "ssh_user" {
  description = "User for SSH in Debian's images."
  value       = "admin"
}

output "nodes" {
  description = "Every node's role and addresses."
  value = {
    for name, node in aws_instance.node : name => {
      role        = local.nodes[name].role
      public_ip   = name == "manager" ? try(aws_eip.manager[0].public_ip, node.public_ip) : node.public_ip
      private_ip  = node.private_ip
      instance_id = node.id
    }
  }
}

output "data_device_volume_id" {
  description = "EBS volume with PostgreSQL's data. Its id is the serial number of the NVMe device."
  value       = aws_ebs_volume.postgres.id
}

output "recovery_role_arn" {
  description = "Role whose temporary keys the database's container gets, for the physical backups."
  value       = aws_iam_role.recovery.arn
}
