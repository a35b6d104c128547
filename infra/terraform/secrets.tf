locals {
  secrets = {
    API_KEY_PEPPER = { id = "videovector-api-key-pepper", value = var.api_key_pepper }
    CURSOR_KEY     = { id = "videovector-cursor-key", value = var.cursor_key }
  }
  secret_ids = { API_KEY_PEPPER = "videovector-api-key-pepper", CURSOR_KEY = "videovector-cursor-key" }
}

resource "google_secret_manager_secret" "this" {
  for_each  = local.secret_ids
  project   = var.project_id
  secret_id = each.value
  replication {
    user_managed {
      replicas {
        location = var.region
      }
    }
  }
  depends_on = [google_project_service.used]
}

# Write-only: neither the plan nor the state holds them. A new value is taken only with a new version number.
resource "google_secret_manager_secret_version" "this" {
  for_each               = local.secret_ids
  secret                 = google_secret_manager_secret.this[each.key].id
  secret_data_wo         = local.secrets[each.key].value
  secret_data_wo_version = 1
}

# Seals what customers entrust: credentials of their storage, secrets of their webhooks.
resource "google_kms_key_ring" "this" {
  project    = var.project_id
  name       = var.key_ring
  location   = var.region
  depends_on = [google_project_service.used]
}

resource "google_kms_crypto_key" "envelope" {
  # checkov:skip=CKV_GCP_82: a key that Terraform may not destroy would keep `make destroy` from its work; its versions wait 30 days
  name                       = "envelope"
  key_ring                   = google_kms_key_ring.this.id
  purpose                    = "ENCRYPT_DECRYPT"
  rotation_period            = "7776000s" # 90 days
  destroy_scheduled_duration = "2592000s"
}
