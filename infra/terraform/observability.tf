# What is counted from the functions' own log lines.
locals {
  log_metrics = {
    failures = {
      description = "Requests and stages that failed on our side"
      filter      = "jsonPayload.message=(\"request failed\" OR \"stage failed\" OR \"stream failed\")"
      label       = "function"
    }
    throttled = {
      description = "Work put off because a model or the vector index was busy"
      filter      = "jsonPayload.outcome=~\"^throttled\""
      label       = "function"
    }
    woken = {
      description = "Work that was overdue and sent again"
      filter      = "jsonPayload.message=\"overdue work sent again\""
      label       = "kind"
    }
  }

  # Each alert: what is looked at, how it is made one number, and above which number somebody should look.
  alerts = {
    dead_letters = {
      name      = "Messages were given up"
      filter    = "metric.type=\"pubsub.googleapis.com/subscription/dead_letter_message_count\" resource.type=\"pubsub_subscription\""
      aligner   = "ALIGN_DELTA"
      reducer   = "REDUCE_SUM"
      threshold = 0
      duration  = "0s"
      cure      = "Read the subscription dead-letters: the attribute CloudPubSubDeadLetterSourceSubscription names the function, whose log says why."
    }
    oldest_message = {
      name      = "A fact waits for ten minutes"
      filter    = "metric.type=\"pubsub.googleapis.com/subscription/oldest_unacked_message_age\" resource.type=\"pubsub_subscription\" resource.label.subscription_id!=\"dead-letters\""
      aligner   = "ALIGN_MAX"
      reducer   = "REDUCE_MAX"
      threshold = 600
      duration  = "60s"
      cure      = "The subscription's function refuses, or has too few instances: see its log and max_instances in its function.yaml."
    }
    queue_depth = {
      name      = "A queue does not keep up"
      filter    = "metric.type=\"cloudtasks.googleapis.com/queue/depth\" resource.type=\"cloud_tasks_queue\""
      aligner   = "ALIGN_MIN"
      reducer   = "REDUCE_MAX"
      threshold = 5000
      duration  = "1800s"
      cure      = "Raise the rates in the stage's function.yaml, if the models' quotas allow it."
    }
    server_errors = {
      name      = "Answers of 5xx"
      filter    = "metric.type=\"run.googleapis.com/request_count\" resource.type=\"cloud_run_revision\" metric.label.response_code_class=\"5xx\" resource.label.service_name=one_of(${join(",", [for name in keys(local.http) : "\"${name}\""])})"
      aligner   = "ALIGN_DELTA"
      reducer   = "REDUCE_SUM"
      threshold = 5
      duration  = "0s"
      cure      = "Search the logs for severity ERROR; each line has the request id of the answer."
    }
    throttled = {
      name      = "Models or vector search are throttled"
      filter    = "metric.type=\"logging.googleapis.com/user/${google_logging_metric.counted["throttled"].name}\" resource.type=\"cloud_run_revision\""
      aligner   = "ALIGN_DELTA"
      reducer   = "REDUCE_SUM"
      threshold = 50
      duration  = "600s"
      cure      = "Work waits and goes on by itself. Ask for more quota of the model, or lower the rates of process-segment."
    }
    overdue = {
      name      = "Overdue work piles up"
      filter    = "metric.type=\"logging.googleapis.com/user/${google_logging_metric.counted["woken"].name}\" resource.type=\"cloud_run_revision\""
      aligner   = "ALIGN_DELTA"
      reducer   = "REDUCE_SUM"
      threshold = 100
      duration  = "600s"
      cure      = "Messages get lost, or a stage ends before it has sent its own: see the log of the kind that the line names."
    }
  }

  tiles = [
    ["Requests by status", "metric.type=\"run.googleapis.com/request_count\" resource.type=\"cloud_run_revision\"", "ALIGN_RATE", "REDUCE_SUM", "metric.label.response_code_class"],
    ["Latency, 95th percentile", "metric.type=\"run.googleapis.com/request_latencies\" resource.type=\"cloud_run_revision\"", "ALIGN_PERCENTILE_95", "REDUCE_MAX", "resource.label.service_name"],
    ["Instances", "metric.type=\"run.googleapis.com/container/instance_count\" resource.type=\"cloud_run_revision\"", "ALIGN_MAX", "REDUCE_SUM", "resource.label.service_name"],
    ["Tasks waiting", "metric.type=\"cloudtasks.googleapis.com/queue/depth\" resource.type=\"cloud_tasks_queue\"", "ALIGN_MAX", "REDUCE_SUM", "resource.label.queue_id"],
    ["Oldest fact", "metric.type=\"pubsub.googleapis.com/subscription/oldest_unacked_message_age\" resource.type=\"pubsub_subscription\"", "ALIGN_MAX", "REDUCE_MAX", "resource.label.subscription_id"],
    ["Given up", "metric.type=\"pubsub.googleapis.com/subscription/dead_letter_message_count\" resource.type=\"pubsub_subscription\"", "ALIGN_DELTA", "REDUCE_SUM", "resource.label.subscription_id"],
    ["Failures", "metric.type=\"logging.googleapis.com/user/${google_logging_metric.counted["failures"].name}\" resource.type=\"cloud_run_revision\"", "ALIGN_DELTA", "REDUCE_SUM", "metric.label.function"],
    ["Throttled", "metric.type=\"logging.googleapis.com/user/${google_logging_metric.counted["throttled"].name}\" resource.type=\"cloud_run_revision\"", "ALIGN_DELTA", "REDUCE_SUM", "metric.label.function"],
  ]
}

resource "google_logging_metric" "counted" {
  for_each    = local.log_metrics
  project     = var.project_id
  name        = "videovector/${each.key}"
  description = each.value.description
  filter      = "resource.type=\"cloud_run_revision\" AND ${each.value.filter}"
  depends_on  = [google_project_service.used]

  metric_descriptor {
    metric_kind = "DELTA"
    value_type  = "INT64"
    unit        = "1"
    labels {
      key        = each.value.label
      value_type = "STRING"
    }
  }

  label_extractors = { (each.value.label) = "EXTRACT(jsonPayload.${each.value.label})" }
}

resource "google_monitoring_notification_channel" "email" {
  count        = var.alert_email == "" ? 0 : 1
  project      = var.project_id
  display_name = "VideoVector functions"
  type         = "email"
  labels       = { email_address = var.alert_email }
  depends_on   = [google_project_service.used]
}

resource "google_monitoring_alert_policy" "this" {
  for_each              = local.alerts
  project               = var.project_id
  display_name          = "VideoVector: ${each.value.name}"
  combiner              = "OR"
  notification_channels = google_monitoring_notification_channel.email[*].id
  depends_on            = [google_project_service.used]

  conditions {
    display_name = each.value.name
    condition_threshold {
      filter          = each.value.filter
      comparison      = "COMPARISON_GT"
      threshold_value = each.value.threshold
      duration        = each.value.duration
      aggregations {
        alignment_period     = "300s"
        per_series_aligner   = each.value.aligner
        cross_series_reducer = each.value.reducer
      }
    }
  }

  documentation {
    content   = each.value.cure
    mime_type = "text/markdown"
  }
}

resource "google_monitoring_dashboard" "this" {
  project    = var.project_id
  depends_on = [google_project_service.used]

  dashboard_json = jsonencode({
    displayName = "VideoVector functions"
    mosaicLayout = {
      columns = 12
      tiles = [for n, tile in local.tiles : {
        xPos   = n % 2 * 6
        yPos   = floor(n / 2) * 4
        width  = 6
        height = 4
        widget = {
          title = tile[0]
          xyChart = {
            dataSets = [{
              plotType = "LINE"
              timeSeriesQuery = {
                timeSeriesFilter = {
                  filter = tile[1]
                  aggregation = {
                    alignmentPeriod    = "60s"
                    perSeriesAligner   = tile[2]
                    crossSeriesReducer = tile[3]
                    groupByFields      = [tile[4]]
                  }
                }
              }
            }]
          }
        }
      }]
    }
  })
}

resource "google_billing_budget" "this" {
  count           = var.billing_account == "" ? 0 : 1
  billing_account = var.billing_account
  display_name    = "VideoVector functions in ${var.project_id}"
  depends_on      = [google_project_service.used]

  budget_filter {
    projects = ["projects/${local.number}"]
  }

  amount {
    specified_amount {
      units = tostring(var.monthly_budget)
    }
  }

  dynamic "threshold_rules" {
    for_each = [0.5, 0.9, 1]
    content {
      threshold_percent = threshold_rules.value
    }
  }
}
