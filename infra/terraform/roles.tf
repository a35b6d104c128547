# What each function may do: the roles of its manifest, each on the named resource alone where the service allows that.

locals {
  # Roles by what they are confined to. A role that stands in no list fails the check below.
  on_bucket  = ["storage.objectViewer", "storage.objectUser", "storage.objectCreator"]
  on_topic   = ["pubsub.publisher"]
  on_queue   = ["cloudtasks.enqueuer"]
  on_key     = ["cloudkms.cryptoKeyEncrypterDecrypter", "cloudkms.cryptoKeyEncrypter", "cloudkms.cryptoKeyDecrypter"]
  on_itself  = ["iam.serviceAccountTokenCreator"]
  on_data    = ["datastore.user", "datastore.viewer"]
  on_project = ["aiplatform.user"] # publisher models have no policy of their own

  known = concat(local.on_bucket, local.on_topic, local.on_queue, local.on_key, local.on_itself, local.on_data, local.on_project)

  # A queue with shards is one name to the manifests.
  enqueuers = merge([for one in local.roles : {
    for queue, said in local.queues : "${one.key}/${queue}" => merge(one, { queue = queue }) if said.shard_of == one.resource
  } if contains(local.on_queue, one.role)]...)
}

check "roles" {
  assert {
    condition     = alltrue([for one in local.roles : contains(local.known, one.role)])
    error_message = "infra/terraform/roles.tf does not say where these are bound: ${join(", ", distinct([for one in local.roles : one.role if !contains(local.known, one.role)]))}"
  }
  assert {
    condition     = alltrue([for one in local.roles : contains([for said in local.queues : said.shard_of], one.resource) if contains(local.on_queue, one.role)])
    error_message = "A manifest asks for a queue that no function has."
  }
}

resource "google_storage_bucket_iam_member" "function" {
  for_each = { for one in local.roles : one.key => one if contains(local.on_bucket, one.role) }
  bucket   = google_storage_bucket.media[each.value.resource].name
  role     = "roles/${each.value.role}"
  member   = google_service_account.function[each.value.function].member
}

resource "google_pubsub_topic_iam_member" "function" {
  for_each = { for one in local.roles : one.key => one if contains(local.on_topic, one.role) }
  project  = var.project_id
  topic    = google_pubsub_topic.facts[each.value.resource].name
  role     = "roles/${each.value.role}"
  member   = google_service_account.function[each.value.function].member
}

resource "google_cloud_tasks_queue_iam_member" "function" {
  for_each = local.enqueuers
  project  = var.project_id
  location = var.region
  name     = google_cloud_tasks_queue.stage[each.value.queue].name
  role     = "roles/${each.value.role}"
  member   = google_service_account.function[each.value.function].member
}

# A task is sent with the caller's identity in it, which the sender must be allowed to use.
resource "google_service_account_iam_member" "sends_as_caller" {
  for_each           = toset([for one in local.roles : one.function if contains(local.on_queue, one.role)])
  service_account_id = google_service_account.caller.name
  role               = "roles/iam.serviceAccountUser"
  member             = google_service_account.function[each.key].member
}

resource "google_kms_crypto_key_iam_member" "function" {
  for_each      = { for one in local.roles : one.key => one if contains(local.on_key, one.role) }
  crypto_key_id = google_kms_crypto_key.envelope.id
  role          = "roles/${each.value.role}"
  member        = google_service_account.function[each.value.function].member
}

# Signed addresses: a function signs in its own name, and in nobody else's.
resource "google_service_account_iam_member" "signs_itself" {
  for_each           = { for one in local.roles : one.key => one if contains(local.on_itself, one.role) }
  service_account_id = google_service_account.function[each.value.function].name
  role               = "roles/${each.value.role}"
  member             = google_service_account.function[each.value.function].member
}

# Firestore has no policies below the project; the condition confines the role to our database.
resource "google_project_iam_member" "data" {
  for_each = { for one in local.roles : one.key => one if contains(local.on_data, one.role) }
  project  = var.project_id
  role     = "roles/${each.value.role}"
  member   = google_service_account.function[each.value.function].member

  condition {
    title      = "videovector database"
    expression = "resource.name == \"projects/${var.project_id}/databases/${google_firestore_database.this.name}\" || resource.name.startsWith(\"projects/${var.project_id}/databases/${google_firestore_database.this.name}/\")"
  }
}

resource "google_project_iam_member" "models" {
  for_each = { for one in local.roles : one.key => one if contains(local.on_project, one.role) }
  project  = var.project_id
  role     = "roles/${each.value.role}"
  member   = google_service_account.function[each.value.function].member
}

resource "google_secret_manager_secret_iam_member" "reads" {
  for_each  = merge([for name, said in local.functions : { for secret in said.secrets : "${name}/${secret}" => { function = name, secret = secret } }]...)
  project   = var.project_id
  secret_id = google_secret_manager_secret.this[each.value.secret].secret_id
  role      = "roles/secretmanager.secretAccessor"
  member    = google_service_account.function[each.value.function].member
}

# Who may call a function: the gateway those of the API, the caller those of the pipeline, and nobody else any.
resource "google_cloud_run_v2_service_iam_member" "invoked" {
  for_each = local.functions
  project  = var.project_id
  location = var.region
  name     = google_cloudfunctions2_function.this[each.key].name
  role     = "roles/run.invoker"
  member   = contains(keys(local.http), each.key) ? google_service_account.gateway.member : google_service_account.caller.member
}

# A function that answers requests and is woken by a queue, topic or the clock as well.
resource "google_cloud_run_v2_service_iam_member" "invoked_by_caller" {
  for_each = { for name, said in local.http : name => said if length(said.triggers) > 1 }
  project  = var.project_id
  location = var.region
  name     = google_cloudfunctions2_function.this[each.key].name
  role     = "roles/run.invoker"
  member   = google_service_account.caller.member
}

# Only by wish, and only those that stream; the function itself refuses whoever has no credential.
resource "google_cloud_run_v2_service_iam_member" "streams" {
  for_each = var.stream_directly ? toset(local.gateway.streaming) : toset([])
  project  = var.project_id
  location = var.region
  name     = google_cloudfunctions2_function.this[each.key].name
  role     = "roles/run.invoker"
  member   = "allUsers"
}
