resource "google_pubsub_topic" "facts" {
  # checkov:skip=CKV_GCP_83: messages carry ids only, never what a customer entrusts
  for_each                   = toset(["events", "media-stored", "dead-letters"])
  project                    = var.project_id
  name                       = each.value
  message_retention_duration = "604800s"
  depends_on                 = [google_project_service.used]

  message_storage_policy {
    allowed_persistence_regions = [var.region]
  }
}

# What topics, queues and the clock call functions as. It may call those and nothing else.
resource "google_service_account" "caller" {
  project      = var.project_id
  account_id   = "videovector-caller"
  display_name = "Calls the pipeline's functions"
  depends_on   = [google_project_service.used]
}

resource "google_pubsub_subscription" "push" {
  for_each                   = local.subscriptions
  project                    = var.project_id
  name                       = each.key
  topic                      = google_pubsub_topic.facts[each.value.topic].id
  ack_deadline_seconds       = min(600, max(10, tonumber(trimsuffix(local.functions[each.value.function].timeout, "s"))))
  message_retention_duration = "604800s"
  filter                     = each.value.filter

  push_config {
    push_endpoint = google_cloudfunctions2_function.this[each.value.function].url
    oidc_token {
      service_account_email = google_service_account.caller.email
      audience              = local.addresses[each.value.function]
    }
  }

  retry_policy {
    minimum_backoff = "1s"
    maximum_backoff = "60s"
  }

  expiration_policy {
    ttl = "" # never
  }

  dynamic "dead_letter_policy" {
    for_each = each.value.dead_letter ? [true] : []
    content {
      dead_letter_topic     = google_pubsub_topic.facts["dead-letters"].id
      max_delivery_attempts = 5
    }
  }
}

# Keeps what went to the dead letters until somebody has looked at it.
resource "google_pubsub_subscription" "dead_letters" {
  project                    = var.project_id
  name                       = "dead-letters"
  topic                      = google_pubsub_topic.facts["dead-letters"].id
  message_retention_duration = "2678400s"
  ack_deadline_seconds       = 60

  expiration_policy {
    ttl = ""
  }
}

# Without these two, attempts are not counted and nothing is ever set aside.
resource "google_pubsub_topic_iam_member" "sets_aside" {
  project = var.project_id
  topic   = google_pubsub_topic.facts["dead-letters"].name
  role    = "roles/pubsub.publisher"
  member  = google_project_service_identity.agents["pubsub.googleapis.com"].member
}

resource "google_pubsub_subscription_iam_member" "counts_attempts" {
  for_each     = { for name, said in local.subscriptions : name => said if said.dead_letter }
  project      = var.project_id
  subscription = google_pubsub_subscription.push[each.key].name
  role         = "roles/pubsub.subscriber"
  member       = google_project_service_identity.agents["pubsub.googleapis.com"].member
}

# The agents sign tokens in the caller's name.
resource "google_service_account_iam_member" "signs_as_caller" {
  for_each           = google_project_service_identity.agents
  service_account_id = google_service_account.caller.name
  role               = "roles/iam.serviceAccountTokenCreator"
  member             = each.value.member
}

resource "google_cloud_tasks_queue" "stage" {
  for_each = local.queues
  project  = var.project_id
  location = var.region
  name     = each.key

  rate_limits {
    max_dispatches_per_second = each.value.max_dispatches_per_second
    max_concurrent_dispatches = each.value.max_concurrent_dispatches
  }

  # Attempts are counted in the document, which knows being throttled from failing; the queue gives up after a day.
  retry_config {
    max_attempts       = -1
    max_retry_duration = "86400s"
    min_backoff        = each.value.min_backoff
    max_backoff        = each.value.max_backoff
    max_doublings      = 8
  }

  # Wherever a task's own address leads: to this queue's function, as the caller.
  http_target {
    http_method = "POST"
    uri_override {
      scheme                    = "HTTPS"
      host                      = "${var.region}-${var.project_id}.cloudfunctions.net"
      uri_override_enforce_mode = "ALWAYS"
      path_override {
        path = "/${each.value.function}"
      }
    }
    oidc_token {
      service_account_email = google_service_account.caller.email
      audience              = local.addresses[each.value.function]
    }
  }

  stackdriver_logging_config {
    sampling_ratio = 0.1
  }

  depends_on = [google_project_service.used]
}

resource "google_cloud_scheduler_job" "clock" {
  for_each         = local.schedules
  project          = var.project_id
  region           = var.region
  name             = each.key
  description      = local.functions[each.key].description
  schedule         = each.value
  time_zone        = "Etc/UTC"
  attempt_deadline = local.functions[each.key].timeout

  http_target {
    http_method = "POST"
    uri         = google_cloudfunctions2_function.this[each.key].url
    body        = base64encode(jsonencode({ v = 1, kind = replace(each.key, "-", "_") }))
    headers     = { "Content-Type" = "application/json" }
    oidc_token {
      service_account_email = google_service_account.caller.email
      audience              = local.addresses[each.key]
    }
  }
}
