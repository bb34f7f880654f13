# Every VPC comes with this group; without rules it lets nothing in or out.
resource "aws_default_security_group" "main" {
  vpc_id = aws_vpc.main.id

  tags = { Name = "${local.name}-default" }
}

resource "aws_security_group" "node" {
  name        = "${local.name}-node"
  description = "Every node: Swarm among themselves, SSH for the administrator"
  vpc_id      = aws_vpc.main.id

  tags = { Name = "${local.name}-node" }
}

resource "aws_security_group" "web" {
  name        = "${local.name}-web"
  description = "NocoDB: HTTP for the administrator, or HTTPS for everybody"
  vpc_id      = aws_vpc.main.id

  tags = { Name = "${local.name}-web" }
}

# Rules of earlier versions have no description. They are not replaced for a text alone.
resource "aws_vpc_security_group_egress_rule" "node" {
  description       = "To everywhere: packages, images, S3"
  security_group_id = aws_security_group.node.id
  ip_protocol       = "-1"
  cidr_ipv4         = "0.0.0.0/0"

  lifecycle { ignore_changes = [description] }
}

resource "aws_vpc_security_group_ingress_rule" "swarm" {
  for_each = toset(["tcp 2377", "tcp 7946", "udp 7946", "udp 4789"])

  description                  = "Swarm, from the other nodes"
  security_group_id            = aws_security_group.node.id
  referenced_security_group_id = aws_security_group.node.id
  ip_protocol                  = split(" ", each.key)[0]
  from_port                    = split(" ", each.key)[1]
  to_port                      = split(" ", each.key)[1]

  lifecycle { ignore_changes = [description] }
}

resource "aws_vpc_security_group_ingress_rule" "ssh" {
  count = var.admin_cidr == null ? 0 : 1

  description       = "SSH, from the administrator"
  security_group_id = aws_security_group.node.id
  cidr_ipv4         = local.admin_cidr
  ip_protocol       = "tcp"
  from_port         = 22
  to_port           = 22

  lifecycle { ignore_changes = [description] }
}

# Without a domain there is no certificate: passwords would cross the Internet in clear. `quickdata tunnel` goes through SSH.
resource "aws_vpc_security_group_ingress_rule" "web" {
  for_each = toset(var.domain != "" ? ["80", "443"] : var.open_nocodb_port && var.admin_cidr != null ? ["8080"] : [])

  description       = var.domain != "" ? "HTTPS proxy, from everywhere" : "NocoDB, from the administrator"
  security_group_id = aws_security_group.web.id
  cidr_ipv4         = var.domain != "" ? "0.0.0.0/0" : local.admin_cidr
  ip_protocol       = "tcp"
  from_port         = each.key
  to_port           = each.key

  lifecycle { ignore_changes = [description] }
}
