locals {
  document = merge(local.gateway.document, {
    "x-google-api-management" = {
      backends = { for name, said in local.http : name => {
        address         = local.addresses[name]
        jwtAudience     = local.addresses[name]
        pathTranslation = "APPEND_PATH_TO_ADDRESS"
        deadline        = min(3600, tonumber(trimsuffix(said.timeout, "s"))) # of the whole answer, streams included
        protocol        = "http/1.1"
      } }
    }
    components = {
      securitySchemes = {
        owner = {
          type             = "openIdConnect"
          openIdConnectUrl = "${trimsuffix(local.jwt.issuer, "/")}/.well-known/openid-configuration"
          "x-google-auth" = {
            issuer    = local.jwt.issuer
            jwksUri   = local.jwt.jwks_url
            audiences = [local.jwt.audience]
          }
        }
      }
    }
  })
  rendered = jsonencode(local.document)
}

# What the gateway calls functions as.
resource "google_service_account" "gateway" {
  project      = var.project_id
  account_id   = "videovector-gateway"
  display_name = "Calls the API's functions"
  depends_on   = [google_project_service.used]
}

resource "google_api_gateway_api" "this" {
  provider   = google-beta
  project    = var.project_id
  api_id     = "videovector"
  depends_on = [google_project_service.used]
}

# A config cannot be changed: a document with other content is another config, and the gateway moves over to it.
resource "google_api_gateway_api_config" "this" {
  provider      = google-beta
  project       = var.project_id
  api           = google_api_gateway_api.this.api_id
  api_config_id = "videovector-${substr(sha256(local.rendered), 0, 12)}"

  openapi_documents {
    document {
      path     = "openapi.json"
      contents = base64encode(local.rendered)
    }
  }

  gateway_config {
    backend_config {
      google_service_account = google_service_account.gateway.email
    }
  }

  lifecycle {
    create_before_destroy = true
  }
}

resource "google_api_gateway_gateway" "this" {
  provider   = google-beta
  project    = var.project_id
  region     = var.region
  gateway_id = "videovector"
  api_config = google_api_gateway_api_config.this.id
}
