# Owners sign in with Identity Platform of this project, or with any issuer of OpenID Connect that `jwt` names.
resource "google_identity_platform_config" "this" {
  count   = var.jwt == null ? 1 : 0
  project = var.project_id

  sign_in {
    email {
      enabled           = true
      password_required = true
    }
  }

  # Whoever has an account is the owner of a tenant: accounts are made by an administrator.
  client {
    permissions {
      disabled_user_signup = true
    }
  }

  depends_on = [google_project_service.used]
}

# Google can start it in a project but never take it away: where it runs already, it is taken over instead of made.
import {
  for_each = var.jwt == null && var.identity_platform_exists ? toset(["config"]) : toset([])
  to       = google_identity_platform_config.this[0]
  id       = "projects/${var.project_id}/config"
}

locals {
  jwt = var.jwt != null ? var.jwt : {
    issuer   = "https://securetoken.google.com/${var.project_id}"
    audience = var.project_id
    jwks_url = "https://www.googleapis.com/service_accounts/v1/jwk/securetoken@system.gserviceaccount.com"
  }
}
