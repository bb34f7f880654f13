mock_provider "aws" {
  mock_data "aws_ec2_instance_type" {
    defaults = { memory_size = 4096, ebs_nvme_support = "required", supported_architectures = ["x86_64"] }
  }
  mock_data "aws_ami_ids" {
    defaults = { ids = ["ami-newest", "ami-older"] }
  }
  mock_data "aws_ec2_instance_type_offerings" {
    defaults = { instance_types = ["t3.small", "t3.medium"], locations = ["eu-west-3a", "eu-west-3a"] }
  }
}

override_data {
  target = data.terraform_remote_state.s3
  values = {
    outputs = {
      s3_bucket_name = "quickdata-pg-backups-storage-bucket-ppr"
      s3_bucket_arn  = "arn:aws:s3:::quickdata-pg-backups-storage-bucket-ppr"
      region         = "eu-west-3"
    }
  }
}

override_resource {
  target = aws_security_group.node
  values = { id = "sg-node" }
}

override_resource {
  target = aws_security_group.web
  values = { id = "sg-web" }
}

variables {
  bucket_suffix  = "PPR"
  ssh_public_key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5 quickdata"
  workers        = 1
}

run "by_default_nobody_gets_in" {
  command = plan

  assert {
    condition     = length(aws_vpc_security_group_ingress_rule.ssh) + length(aws_vpc_security_group_ingress_rule.web) == 0
    error_message = "a port is open although no admin_cidr was given"
  }
}

run "the_administrator_gets_ssh_and_no_plain_nocodb" {
  command = plan
  variables { admin_cidr = "203.0.113.7/24" }

  assert {
    condition     = length(aws_vpc_security_group_ingress_rule.ssh) == 1 && length(aws_vpc_security_group_ingress_rule.web) == 0
    error_message = "SSH is closed, or NocoDB's port is open although nobody asked for it"
  }
}

run "an_open_nocodb_port_needs_an_administrator" {
  command = plan
  variables { open_nocodb_port = true }

  assert {
    condition     = length(aws_vpc_security_group_ingress_rule.web) == 0
    error_message = "a port is open although no admin_cidr was given"
  }
}

run "the_administrator_gets_ssh_and_an_open_nocodb_port_from_one_range_only" {
  command = plan
  variables {
    admin_cidr       = "203.0.113.7/24"
    open_nocodb_port = true
  }

  assert {
    condition = [
      for rule in concat(aws_vpc_security_group_ingress_rule.ssh, values(aws_vpc_security_group_ingress_rule.web)) :
      "${rule.ip_protocol} ${rule.from_port}-${rule.to_port} ${rule.cidr_ipv4}"
    ] == ["tcp 22-22 203.0.113.0/24", "tcp 8080-8080 203.0.113.0/24"]
    error_message = "the administrator's openings are not SSH and NocoDB from the range's first address"
  }
}

run "with_a_domain_the_world_reaches_the_tls_proxy_and_never_plain_nocodb" {
  command = plan
  variables {
    admin_cidr       = "203.0.113.7/32"
    domain           = "nocodb.example.org"
    open_nocodb_port = true
  }

  assert {
    condition = toset([
      for rule in values(aws_vpc_security_group_ingress_rule.web) :
      "${rule.ip_protocol} ${rule.from_port}-${rule.to_port} ${rule.cidr_ipv4}"
    ]) == toset(["tcp 80-80 0.0.0.0/0", "tcp 443-443 0.0.0.0/0"])
    error_message = "with a domain, 80 and 443 must be open to the world, and nothing else"
  }

  assert {
    condition     = aws_vpc_security_group_ingress_rule.ssh[0].cidr_ipv4 == "203.0.113.7/32"
    error_message = "a domain must not open SSH to anybody else"
  }
}

run "swarm_ports_are_open_between_nodes_only" {
  assert {
    condition = toset([
      for rule in values(aws_vpc_security_group_ingress_rule.swarm) : "${rule.ip_protocol} ${rule.from_port}-${rule.to_port}"
    ]) == toset(["tcp 2377-2377", "tcp 7946-7946", "udp 7946-7946", "udp 4789-4789"])
    error_message = "Swarm needs 2377/tcp, 7946/tcp+udp and 4789/udp"
  }

  assert {
    condition = alltrue([
      for rule in values(aws_vpc_security_group_ingress_rule.swarm) :
      rule.cidr_ipv4 == null && rule.referenced_security_group_id == "sg-node" && rule.security_group_id == "sg-node"
    ])
    error_message = "a Swarm port is open to more than the nodes' own group"
  }
}

run "each_opening_is_in_its_own_group" {
  variables {
    admin_cidr       = "203.0.113.7/32"
    open_nocodb_port = true
  }

  assert {
    condition = [
      aws_vpc_security_group_ingress_rule.ssh[0].security_group_id,
      aws_vpc_security_group_ingress_rule.web["8080"].security_group_id,
    ] == ["sg-node", "sg-web"]
    error_message = "SSH belongs to every node, NocoDB to the web group"
  }
}

run "every_node_is_in_the_swarm_and_workers_serve_no_web" {
  assert {
    condition     = alltrue([for node in aws_instance.node : contains(node.vpc_security_group_ids, "sg-node")])
    error_message = "a node is outside the nodes' group"
  }

  assert {
    condition = [
      for name, node in aws_instance.node : name if contains(node.vpc_security_group_ids, "sg-web")
    ] == ["database", "manager"]
    error_message = "the web group is not on the database node and the manager alone"
  }
}

run "every_rule_says_what_it_is_for" {
  command = plan
  variables {
    admin_cidr       = "203.0.113.7/32"
    open_nocodb_port = true
  }

  assert {
    condition = alltrue([
      for rule in concat(
        [aws_vpc_security_group_egress_rule.node],
        aws_vpc_security_group_ingress_rule.ssh,
        values(aws_vpc_security_group_ingress_rule.swarm),
        values(aws_vpc_security_group_ingress_rule.web),
      ) : length(rule.description) > 0
    ])
    error_message = "a rule has no description"
  }
}

run "the_vpcs_own_group_lets_nothing_in_or_out" {
  assert {
    condition     = aws_default_security_group.main.vpc_id == aws_vpc.main.id
    error_message = "the group is another VPC's"
  }

  assert {
    # The provider removes the rules that AWS has made only where the configuration has none.
    condition     = !can(regex("(?s)\"aws_default_security_group\"[^}]*(ingress|egress)", file("${path.module}/security_groups.tf")))
    error_message = "the VPC's own group has a rule"
  }
}
