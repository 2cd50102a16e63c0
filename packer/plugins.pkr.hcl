# Read by Packer 1.7 and newer, which has its builders in plugins. Debian's 1.6.6 has this one built in and rejects the block:
# packer/for-1.6.6 leaves this file out.
packer {
  required_plugins {
    amazon = {
      version = ">= 1.2.8, < 2.0.0"
      source  = "github.com/hashicorp/amazon"
    }
  }
}
