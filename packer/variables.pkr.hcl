# What an admin chooses. docs/image.md explains each.

variable "deployment" {
  type        = string
  description = "Name of the deployment that the image is for: the stack's name."

  validation {
    condition     = var.deployment != "" && regex_replace(var.deployment, "^[a-z][a-z0-9-]{0,31}$", "") == ""
    error_message = "A deployment is named by a lower-case letter, then at most 31 of a-z, 0-9 and the hyphen, like the stack."
  }
}

variable "builder_cidr" {
  type        = string
  description = "This computer's own public address as a network: only it reaches the building machine by SSH."

  validation {
    condition     = var.builder_cidr != "" && regex_replace(var.builder_cidr, "^[1-9][0-9]{0,2}([.][0-9]{1,3}){3}/(2[4-9]|3[0-2])$", "") == ""
    error_message = "The building machine is open to your own address only: write builder_cidr like 203.0.113.7/32, at the widest a /24."
  }
}

variable "region" {
  type        = string
  default     = "us-east-1"
  description = "AWS region of the image; machines are made in the same."

  validation {
    condition     = var.region != "" && regex_replace(var.region, "^[a-z]{2}(-[a-z]+)+-[0-9]$", "") == ""
    error_message = "A region is written like us-east-1 or eu-central-1."
  }
}

variable "instance_type" {
  type        = string
  default     = "m7i.xlarge"
  description = "What the image is built on. It needs no GPU: driver and libraries are installed from packages, the engine is tried on the CPU."

  validation {
    condition     = var.instance_type != "" && regex_replace(var.instance_type, "^[a-z][a-z0-9-]*[.][a-z0-9-]+$", "") == ""
    error_message = "An instance type is written like m7i.xlarge."
  }
}

variable "subnet_id" {
  type        = string
  default     = ""
  description = "Public subnet to build in; empty: the account's default network."

  validation {
    condition     = regex_replace(var.subnet_id, "^subnet-[0-9a-f]+$", "") == ""
    error_message = "A subnet is written like subnet-0123456789abcdef0."
  }
}

variable "source_ami_name" {
  type        = string
  default     = "ubuntu/images/hvm-ssd-gp3/ubuntu-noble-24.04-amd64-server-*"
  description = "Name of the image to start from; the newest that matches is taken."

  validation {
    condition     = length(var.source_ami_name) >= 3
    error_message = "Name the image to start from, with * for what changes."
  }
}

variable "source_ami_owner" {
  type        = string
  default     = "099720109477"
  description = "Account that the image to start from must belong to: Canonical's. Names alone can be taken by anybody."

  validation {
    condition     = var.source_ami_owner != "" && regex_replace(var.source_ami_owner, "^([0-9]{12}|amazon|self)$", "") == ""
    error_message = "The owner is an account of twelve digits, or amazon, or self."
  }
}

variable "driver" {
  type        = string
  default     = "580-server-open"
  description = "Branch of NVIDIA's driver as Ubuntu packages it, or none."

  validation {
    condition     = var.driver != "" && regex_replace(var.driver, "^(none|[0-9]{3}(-server)?(-open)?)$", "") == ""
    error_message = "A driver is none, or a branch as Ubuntu names it: 580-server-open."
  }
}

variable "volume_gib" {
  type        = number
  default     = 40
  description = "Size of the system disk; not less than the stack's SystemGiB may be."

  validation {
    condition     = var.volume_gib >= 20 && var.volume_gib <= 1000
    error_message = "The system disk has 20 to 1000 GiB."
  }
}

variable "encrypt_boot" {
  type        = bool
  default     = true
  description = "Encrypt the image's disk with the account's own key for disks."
}

variable "comfyui_repository" {
  type        = string
  default     = "Comfy-Org/ComfyUI"
  description = "Where ComfyUI comes from, below git_base."

  validation {
    condition     = var.comfyui_repository != "" && regex_replace(var.comfyui_repository, "^[A-Za-z0-9_.-]+(/[A-Za-z0-9_.-]+)*$", "") == ""
    error_message = "A repository is written like Comfy-Org/ComfyUI; where it lies is git_base."
  }
}

variable "comfyui_revision" {
  type        = string
  default     = "v0.45.2"
  description = "ComfyUI's release: a tag, or a commit."

  validation {
    condition     = var.comfyui_revision != "" && regex_replace(var.comfyui_revision, "^(v[0-9]+[.][0-9]+[.][0-9]+|[0-9a-f]{40})$", "") == ""
    error_message = "ComfyUI's revision is a release like v0.45.2 or a whole commit; a branch moves, so it is refused."
  }
}

variable "comfyui_commit" {
  type        = string
  default     = ""
  description = "The commit that the revision must turn out to be; empty: whatever it is, as recorded."

  validation {
    condition     = regex_replace(var.comfyui_commit, "^([0-9a-f]{40})?$", "") == ""
    error_message = "A commit has 40 digits of 0-9 and a-f."
  }
}

variable "node_packs" {
  type        = string
  default     = ""
  description = "Folder whose packs.lock names and pins the node packs; empty: the folder node-packs beside this file."
}

variable "engine_lock" {
  type        = string
  default     = ""
  description = "File with the versions of the engine's libraries; empty: requirements-engine.lock beside this file."
}

variable "settings" {
  type        = string
  default     = ""
  description = "The machine's settings, machine.toml; empty: the one beside this file."
}

variable "shared_models" {
  type        = string
  default     = ""
  description = "Export (NFS 4) with everybody's models, mounted read-only on /mnt/models; empty: none."

  validation {
    condition     = regex_replace(var.shared_models, "^([a-z0-9.-]+:/[A-Za-z0-9/._-]*)?$", "") == ""
    error_message = "Shared models are written like fs-0123456789abcdef0.efs.us-east-1.amazonaws.com:/models."
  }
}

variable "git_base" {
  type        = string
  default     = "https://github.com"
  description = "Where git repositories lie: a mirror's address up to the repository's name."

  validation {
    condition     = var.git_base != "" && regex_replace(var.git_base, "^(https|file)://[^ '\"@]*$", "") == ""
    error_message = "A place of git repositories starts with https:// or file://, and holds no password."
  }
}

variable "apt_mirror" {
  type        = string
  default     = ""
  description = "Mirror of the distribution's packages; empty: those that the image to start from uses."

  validation {
    condition     = regex_replace(var.apt_mirror, "^(https?://[^ '\"@]*)?$", "") == ""
    error_message = "A mirror of packages starts with https:// or http://, and holds no password."
  }
}

variable "pip_index" {
  type        = string
  default     = ""
  description = "Index of Python packages; empty: pip's own."

  validation {
    condition     = regex_replace(var.pip_index, "^(https://[^ '\"@]*)?$", "") == ""
    error_message = "An index of Python packages starts with https://, and holds no password."
  }
}

variable "torch_index" {
  type        = string
  default     = ""
  description = "Another index for torch, torchvision and torchaudio: PyTorch's own for one version of CUDA; empty: as pip_index."

  validation {
    condition     = regex_replace(var.torch_index, "^(https://[^ '\"@]*)?$", "") == ""
    error_message = "An index of torch starts with https://, and holds no password."
  }
}

variable "wheelhouse" {
  type        = string
  default     = ""
  description = "Folder of wheels to install from before any index is asked; empty: the folder wheelhouse beside this file."
}

variable "offline" {
  type        = bool
  default     = false
  description = "Ask no index of Python packages at all: everything is in the wheelhouse."
}

variable "output" {
  type        = string
  default     = "build/image"
  description = "Folder on this computer for manifest.json, versions.json and object_info.json."

  validation {
    condition     = length(var.output) > 0
    error_message = "Name a folder for what the build tells of itself."
  }
}

variable "checkout" {
  type        = string
  default     = ""
  description = "Where this project's files lie; empty: the folder above this one."
}
