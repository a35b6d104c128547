output "base_url" {
  description = "What clients are given; the SDK's base_url."
  value       = "https://${google_api_gateway_gateway.this.default_hostname}/api/v2"
}

output "console_url" {
  description = "The web console; empty where this version has none."
  value       = contains(keys(local.http), "console") ? "https://${google_api_gateway_gateway.this.default_hostname}/console" : ""
}

output "gateway" {
  description = "Resource name of the gateway."
  value       = google_api_gateway_gateway.this.id
}

output "streams" {
  description = "Addresses of the functions that stream, for clients of a gateway that does not; open only with stream_directly."
  value       = var.stream_directly ? { for name in local.gateway.streaming : name => local.addresses[name] } : {}
}

output "jwt_issuer" {
  description = "Whose tokens make their bearer the owner of a tenant."
  value       = local.jwt.issuer
}
