data "google_project" "this" {
  project_id = var.project_id
}

locals {
  services = toset([
    "aiplatform.googleapis.com",
    "apigateway.googleapis.com",
    "artifactregistry.googleapis.com",
    "billingbudgets.googleapis.com",
    "cloudbuild.googleapis.com",
    "cloudfunctions.googleapis.com",
    "cloudkms.googleapis.com",
    "cloudscheduler.googleapis.com",
    "cloudtasks.googleapis.com",
    "firestore.googleapis.com",
    "iam.googleapis.com",
    "iamcredentials.googleapis.com",
    "identitytoolkit.googleapis.com",
    "logging.googleapis.com",
    "monitoring.googleapis.com",
    "pubsub.googleapis.com",
    "run.googleapis.com",
    "secretmanager.googleapis.com",
    "servicecontrol.googleapis.com",
    "servicemanagement.googleapis.com",
    "storage.googleapis.com",
  ])
  number = data.google_project.this.number
}

resource "google_project_service" "used" {
  for_each           = local.services
  project            = var.project_id
  service            = each.value
  disable_on_destroy = false # others in the project may use them
}

# Agents of Google's own services that need a permission of ours; naming them makes sure that they exist.
resource "google_project_service_identity" "agents" {
  for_each   = toset(["cloudtasks.googleapis.com", "pubsub.googleapis.com"])
  provider   = google-beta
  project    = var.project_id
  service    = each.value
  depends_on = [google_project_service.used]
}
