locals {
  # Every setting that a manifest may name. Those that are empty have a value of their own in the code.
  settings = {
    PROJECT_ID              = var.project_id
    REGION                  = var.region
    DATABASE                = google_firestore_database.this.name
    ORIGINALS_BUCKET        = google_storage_bucket.media["originals"].name
    DERIVED_BUCKET          = google_storage_bucket.media["derived"].name
    API_BASE_URL            = "https://${google_api_gateway_gateway.this.default_hostname}"
    VECTOR_INDEX            = google_vertex_ai_index.this.id
    VECTOR_ENDPOINT         = "https://${google_vertex_ai_index_endpoint.this.public_endpoint_domain_name}/${google_vertex_ai_index_endpoint.this.id}#${google_vertex_ai_index_endpoint_deployed_index.this.deployed_index_id}"
    JWT_ISSUER              = local.jwt.issuer
    JWT_AUDIENCE            = local.jwt.audience
    JWKS_URL                = local.jwt.jwks_url
    KMS_KEY                 = google_kms_crypto_key.envelope.id
    STAGE_SERVICE_ACCOUNT   = google_service_account.caller.email
    TEXT_EMBEDDING_MODEL    = var.models.text_embedding
    IMAGE_EMBEDDING_MODEL   = var.models.image_embedding
    RATE_LIMITS             = var.rate_limits
    FORWARDED_AUTHORIZATION = "1"
    TASKS_ENDPOINT          = "" # Google's own
    VECTOR_API_ENDPOINT     = "" # the region's own
    UPLOAD_LIMIT_BYTES      = "" # what the platform takes in one request
    EGRESS_LOOPBACK         = "" # never
    STORAGE_EMULATOR_HOST   = "" # Google's own
    AWS_ENDPOINT_URL_S3     = var.connector_endpoints.s3
    AZURE_BLOB_ENDPOINT     = var.connector_endpoints.azure_blob
    AZURE_AUTHORITY_HOST    = var.connector_endpoints.azure_authority
    CONNECTOR_CA_FILE       = "" # the well-known authorities
  }

  # The gateway puts its own token into Authorization and moves the caller's.
  behind_gateway = { FORWARDED_AUTHORIZATION = local.settings.FORWARDED_AUTHORIZATION }
}

check "settings" {
  assert {
    condition     = length(setsubtract(flatten([for said in local.functions : said.env]), keys(local.settings))) == 0
    error_message = "infra/terraform/functions.tf does not say what these settings are: ${join(", ", setsubtract(flatten([for said in local.functions : said.env]), keys(local.settings)))}"
  }
}

resource "google_service_account" "function" {
  for_each     = local.functions
  project      = var.project_id
  account_id   = "vv-${substr(each.key, 0, 27)}"
  display_name = "Function ${each.key}"
  description  = each.value.description
  depends_on   = [google_project_service.used]
}

# Builds the functions' images, and may do nothing else.
resource "google_service_account" "builder" {
  project      = var.project_id
  account_id   = "videovector-builder"
  display_name = "Builds the functions"
  depends_on   = [google_project_service.used]
}

resource "google_artifact_registry_repository" "images" {
  # checkov:skip=CKV_GCP_84: images hold code of this repository and nothing of a customer
  project       = var.project_id
  location      = var.region
  repository_id = "videovector"
  format        = "DOCKER"
  description   = "Images of the functions"
  depends_on    = [google_project_service.used]

  cleanup_policies {
    id     = "keep-three"
    action = "KEEP"
    most_recent_versions {
      keep_count = 3
    }
  }

  cleanup_policies {
    id     = "delete-older"
    action = "DELETE"
    condition {
      older_than = "2592000s"
    }
  }
}

resource "google_artifact_registry_repository_iam_member" "builder_writes" {
  project    = var.project_id
  location   = var.region
  repository = google_artifact_registry_repository.images.repository_id
  role       = "roles/artifactregistry.writer"
  member     = google_service_account.builder.member
}

resource "google_storage_bucket_iam_member" "builder_reads" {
  bucket = google_storage_bucket.packages.name
  role   = "roles/storage.objectViewer"
  member = google_service_account.builder.member
}

# The platform copies a package into a bucket of its own, made with the first function, and builds from there.
resource "google_project_iam_member" "builder_reads_copies" {
  project = var.project_id
  role    = "roles/storage.objectViewer"
  member  = google_service_account.builder.member

  condition {
    title      = "sources of functions"
    expression = "resource.name.startsWith(\"projects/_/buckets/gcf-v2-sources-${local.number}-${var.region}/\")"
  }
}

resource "google_project_iam_member" "builder_logs" {
  project = var.project_id
  role    = "roles/logging.logWriter"
  member  = google_service_account.builder.member
}

resource "google_cloudfunctions2_function" "this" {
  # checkov:skip=CKV_GCP_124: the gateway, Pub/Sub and Cloud Tasks call from outside the network; IAM lets in these alone
  for_each    = local.functions
  project     = var.project_id
  location    = var.region
  name        = each.key
  description = each.value.description

  build_config {
    runtime           = var.runtime
    entry_point       = each.value.entry_point
    service_account   = google_service_account.builder.id
    docker_repository = google_artifact_registry_repository.images.id
    source {
      storage_source {
        bucket = google_storage_bucket.packages.name
        object = google_storage_bucket_object.package[each.key].name
      }
    }
  }

  service_config {
    available_memory                 = each.value.memory
    available_cpu                    = tostring(each.value.cpu)
    timeout_seconds                  = tonumber(trimsuffix(each.value.timeout, "s"))
    max_instance_request_concurrency = each.value.concurrency
    min_instance_count               = max(each.value.min_instances, lookup(var.min_instances, each.key, 0))
    max_instance_count               = each.value.max_instances
    service_account_email            = google_service_account.function[each.key].email
    ingress_settings                 = "ALLOW_ALL" # the gateway, Pub/Sub and Tasks come from outside; IAM lets in nobody else
    all_traffic_on_latest_revision   = true

    environment_variables = merge(
      { for name in each.value.env : name => local.settings[name] if lookup(local.settings, name, "") != "" },
      contains(keys(local.http), each.key) ? local.behind_gateway : {},
      { THREADS = tostring(min(each.value.concurrency, 1000)) }, # as many as the platform sends at once
    )

    dynamic "secret_environment_variables" {
      for_each = toset(each.value.secrets)
      content {
        key        = secret_environment_variables.value
        project_id = var.project_id
        secret     = google_secret_manager_secret.this[secret_environment_variables.value].secret_id
        version    = google_secret_manager_secret_version.this[secret_environment_variables.value].version
      }
    }
  }

  depends_on = [
    google_artifact_registry_repository_iam_member.builder_writes,
    google_storage_bucket_iam_member.builder_reads,
    google_project_iam_member.builder_logs,
    google_project_iam_member.builder_reads_copies,
    google_secret_manager_secret_iam_member.reads,
  ]
}
