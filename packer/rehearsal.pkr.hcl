# For a rehearsal without AWS. Empty means not set, so that the same template builds there.

variable "ec2_endpoint" {
  type        = string
  default     = ""
  description = "Another address than Amazon's own for EC2."
}

variable "ssh_username" {
  type        = string
  default     = "ubuntu"
  description = "User of the image to start from."
}

variable "ssh_host" {
  type    = string
  default = ""
}

variable "ssh_port" {
  type    = number
  default = 22
}

variable "ssh_keypair_name" {
  type    = string
  default = ""
}

variable "ssh_private_key_file" {
  type    = string
  default = ""
}
