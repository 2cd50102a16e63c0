locals {
  stamp    = formatdate("YYYYMMDD-hhmmss", timestamp())
  name     = "wakebrush-${var.deployment}-${local.stamp}"
  checkout = var.checkout != "" ? var.checkout : "${path.root}/.."

  # Versions that are known before the build. What only the build finds out is in versions.json.
  tags = {
    Name                            = local.name
    wakebrush                       = var.deployment
    wakebrush-version-comfyui       = var.comfyui_revision
    wakebrush-version-driver-branch = var.driver
    wakebrush-version-source-image  = "{{ .SourceAMIName }}"
  }

  install_environment = [
    "WB_APT_MIRROR=${var.apt_mirror}",
    "WB_COMFYUI_COMMIT=${var.comfyui_commit}",
    "WB_COMFYUI_REPOSITORY=${var.comfyui_repository}",
    "WB_COMFYUI_REVISION=${var.comfyui_revision}",
    "WB_DRIVER=${var.driver}",
    "WB_GIT_BASE=${var.git_base}",
    "WB_OFFLINE=${var.offline ? "yes" : "no"}",
    "WB_PIP_INDEX=${var.pip_index}",
    "WB_SHARED_MODELS=${var.shared_models}",
    "WB_TORCH_INDEX=${var.torch_index}",
  ]
}

source "amazon-ebs" "machine" {
  region              = var.region
  custom_endpoint_ec2 = var.ec2_endpoint
  instance_type       = var.instance_type
  subnet_id           = var.subnet_id
  ami_name            = local.name
  ami_description     = "Wakebrush: ComfyUI ${var.comfyui_revision} behind a guard, for the deployment ${var.deployment}"
  ena_support         = true

  source_ami_filter {
    filters = {
      name                = var.source_ami_name
      architecture        = "x86_64"
      root-device-type    = "ebs"
      virtualization-type = "hvm"
    }
    owners      = [var.source_ami_owner]
    most_recent = true
  }

  # >>> packer >= 1.7
  imds_support            = "v2.0"
  temporary_key_pair_type = "ed25519"
  metadata_options {
    http_endpoint               = "enabled"
    http_tokens                 = "required"
    http_put_response_hop_limit = 1
  }
  # <<< packer >= 1.7

  launch_block_device_mappings {
    device_name           = "/dev/sda1"
    volume_size           = var.volume_gib
    volume_type           = "gp3"
    iops                  = 3000
    throughput            = 125
    encrypted             = var.encrypt_boot
    delete_on_termination = true
  }

  temporary_security_group_source_cidrs = [var.builder_cidr]

  communicator         = "ssh"
  ssh_username         = var.ssh_username
  ssh_host             = var.ssh_host
  ssh_port             = var.ssh_port
  ssh_keypair_name     = var.ssh_keypair_name
  ssh_private_key_file = var.ssh_private_key_file

  # No tag of a pool: nobody may take the building machine for one that paints.
  run_tags = {
    Name      = "${local.name} (building)"
    wakebrush = var.deployment
  }
  run_volume_tags = {
    wakebrush = var.deployment
  }
  tags          = local.tags
  snapshot_tags = local.tags
}

build {
  sources = ["source.amazon-ebs.machine"]

  # The file provisioner makes no folders.
  provisioner "shell" {
    inline = ["rm -rf /tmp/wakebrush", "mkdir -p /tmp/wakebrush/cloud_image /tmp/wakebrush/node-packs /tmp/wakebrush/scripts /tmp/wakebrush/wheelhouse"]
  }
  provisioner "file" {
    source      = "${local.checkout}/cloud_image/"
    destination = "/tmp/wakebrush/cloud_image"
  }
  provisioner "file" {
    source      = "${path.root}/scripts/"
    destination = "/tmp/wakebrush/scripts"
  }
  provisioner "file" {
    source      = "${var.wheelhouse != "" ? var.wheelhouse : "${path.root}/wheelhouse"}/"
    destination = "/tmp/wakebrush/wheelhouse"
  }
  provisioner "file" {
    source      = "${var.node_packs != "" ? var.node_packs : "${path.root}/node-packs"}/"
    destination = "/tmp/wakebrush/node-packs"
  }
  provisioner "file" {
    source      = var.engine_lock != "" ? var.engine_lock : "${path.root}/requirements-engine.lock"
    destination = "/tmp/wakebrush/requirements-engine.lock"
  }
  provisioner "file" {
    source      = "${path.root}/requirements-machine.lock"
    destination = "/tmp/wakebrush/requirements-machine.lock"
  }
  provisioner "file" {
    source      = var.settings != "" ? var.settings : "${path.root}/machine.toml"
    destination = "/tmp/wakebrush/machine.toml"
  }

  provisioner "shell" {
    environment_vars = local.install_environment
    execute_command  = "{{ .Vars }} sudo -E -H bash '{{ .Path }}'"
    inline           = ["bash /tmp/wakebrush/scripts/install image"]
    timeout          = "90m"
  }

  provisioner "file" {
    direction   = "download"
    source      = "/etc/wakebrush/versions.json"
    destination = "${var.output}/versions.json"
  }
  provisioner "file" {
    direction   = "download"
    source      = "/usr/share/wakebrush/object_info.json"
    destination = "${var.output}/object_info.json"
  }

  # Last, since it closes the door by which we came.
  provisioner "shell" {
    execute_command = "{{ .Vars }} sudo -E -H bash '{{ .Path }}'"
    inline          = ["bash /tmp/wakebrush/scripts/install clean"]
  }

  post-processor "manifest" {
    output     = "${var.output}/manifest.json"
    strip_path = true
    custom_data = {
      deployment = var.deployment
      region     = var.region
      comfyui    = var.comfyui_revision
      driver     = var.driver
    }
  }
}
