resource "aws_vpc" "main" {
  #checkov:skip=CKV2_AWS_11:Flow logs are paid for, and nobody would read them. Few ports are open.
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
