resource "aws_vpc" "main" {
  cidr_block = "10.20.0.0/16"

  tags = { Name = local.name }
}

resource "aws_subnet" "public" {
  vpc_id            = aws_vpc.main.id
  cidr_block        = "10.20.1.0/24"
  availability_zone = try(local.zones[0], null)

  tags = { Name = "${local.name}-public" }

  lifecycle {
    # A zone that is offered later must not replace the subnet, with the nodes and the disk in it.
    ignore_changes = [availability_zone]

    precondition {
      condition     = length(local.zones) > 0
      error_message = "No zone of ${var.region} offers all of ${join(", ", local.types)}: choose others in TF_VAR_instance_types, such as t3.small."
    }
  }
}

resource "aws_internet_gateway" "main" {
  vpc_id = aws_vpc.main.id

  tags = { Name = local.name }
}

resource "aws_route_table" "public" {
  vpc_id = aws_vpc.main.id

  route {
    cidr_block = "0.0.0.0/0"
    gateway_id = aws_internet_gateway.main.id
  }

  tags = { Name = "${local.name}-public" }
}

resource "aws_route_table_association" "public" {
  subnet_id      = aws_subnet.public.id
  route_table_id = aws_route_table.public.id
}

# The domain's DNS record names the manager: its address has to survive a stop.
resource "aws_eip" "manager" {
  count      = var.domain != "" ? 1 : 0
  depends_on = [aws_internet_gateway.main]

  domain   = "vpc"
  instance = aws_instance.node["manager"].id

  tags = { Name = "${local.name}-manager" }
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

resource "aws_vpc_security_group_egress_rule" "node" {
  security_group_id = aws_security_group.node.id
  ip_protocol       = "-1"
  cidr_ipv4         = "0.0.0.0/0"
}

resource "aws_vpc_security_group_ingress_rule" "swarm" {
  for_each = toset(["tcp 2377", "tcp 7946", "udp 7946", "udp 4789"])

  security_group_id            = aws_security_group.node.id
  referenced_security_group_id = aws_security_group.node.id
  ip_protocol                  = split(" ", each.key)[0]
  from_port                    = split(" ", each.key)[1]
  to_port                      = split(" ", each.key)[1]
}

resource "aws_vpc_security_group_ingress_rule" "ssh" {
  count = var.admin_cidr == null ? 0 : 1

  security_group_id = aws_security_group.node.id
  cidr_ipv4         = local.admin_cidr
  ip_protocol       = "tcp"
  from_port         = 22
  to_port           = 22
}

# Without a domain there is no certificate, and so no way in but the administrator's.
resource "aws_vpc_security_group_ingress_rule" "web" {
  for_each = toset(var.domain != "" ? ["80", "443"] : var.admin_cidr != null ? ["8080"] : [])

  security_group_id = aws_security_group.web.id
  cidr_ipv4         = var.domain != "" ? "0.0.0.0/0" : local.admin_cidr
  ip_protocol       = "tcp"
  from_port         = each.key
  to_port           = each.key
}
