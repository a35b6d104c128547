locals {
  buckets = { for name in ["originals", "derived"] : name => "${var.project_id}-${name}" }

  # Whose pages may read signed addresses, and send the pieces of an upload: the console's, and those that are named.
  page_origins = concat(["https://${google_api_gateway_gateway.this.default_hostname}"], var.cors_origins)
  page_methods = { originals = ["GET", "HEAD", "PUT"], derived = ["GET", "HEAD"] }
}

data "google_storage_project_service_account" "agent" {
  project    = var.project_id
  depends_on = [google_project_service.used]
}

resource "google_storage_bucket" "media" {
  # checkov:skip=CKV_GCP_62: Cloud Audit Logs tell who read what, without a bucket of logs
  # checkov:skip=CKV_GCP_78: what a tenant deletes must not linger in old versions
  for_each                    = local.buckets
  project                     = var.project_id
  name                        = each.value
  location                    = var.region
  uniform_bucket_level_access = true
  public_access_prevention    = "enforced"
  force_destroy               = !var.deletion_protection
  depends_on                  = [google_project_service.used]

  versioning {
    enabled = false
  }

  soft_delete_policy {
    retention_duration_seconds = 0
  }

  lifecycle_rule {
    action {
      type = "AbortIncompleteMultipartUpload"
    }
    condition {
      age = 7
    }
  }

  # An export goes with its index or run; where its file is to go before that, the bucket sees to it.
  dynamic "lifecycle_rule" {
    for_each = each.key == "derived" && var.export_days > 0 ? [var.export_days] : []
    content {
      action {
        type = "Delete"
      }
      condition {
        age            = lifecycle_rule.value
        matches_prefix = ["exports/"]
      }
    }
  }

  cors {
    origin          = local.page_origins
    method          = local.page_methods[each.key]
    response_header = ["Content-Type", "Content-Range", "Content-Length", "Range", "Location", "ETag", "x-goog-resumable"]
    max_age_seconds = 3600
  }
}

resource "google_pubsub_topic_iam_member" "storage_tells" {
  project = var.project_id
  topic   = google_pubsub_topic.facts["media-stored"].name
  role    = "roles/pubsub.publisher"
  member  = "serviceAccount:${data.google_storage_project_service_account.agent.email_address}"
}

resource "google_storage_notification" "media_stored" {
  bucket             = google_storage_bucket.media["originals"].name
  topic              = google_pubsub_topic.facts["media-stored"].id
  event_types        = ["OBJECT_FINALIZE"]
  object_name_prefix = "media/"
  payload_format     = "JSON_API_V1"
  depends_on         = [google_pubsub_topic_iam_member.storage_tells]
}

# Where the functions' packages lie; named by their content, so the newest is found without versions.
resource "google_storage_bucket" "packages" {
  # checkov:skip=CKV_GCP_62: read by the builder alone, and written by deployments
  project                     = var.project_id
  name                        = "${var.project_id}-packages"
  location                    = var.region
  uniform_bucket_level_access = true
  public_access_prevention    = "enforced"
  force_destroy               = true
  depends_on                  = [google_project_service.used]

  versioning {
    enabled = true
  }

  lifecycle_rule {
    action {
      type = "Delete"
    }
    condition {
      num_newer_versions = 3
    }
  }
}

resource "google_storage_bucket_object" "package" {
  for_each = local.functions
  bucket   = google_storage_bucket.packages.name
  name     = local.packages[each.key]
  source   = "${local.root}/build/packages/${local.packages[each.key]}"
  # The name says what is in it; the file need not be there to plan.
  detect_md5hash = ""
}
