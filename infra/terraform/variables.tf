variable "project_id" {
  description = "The Google Cloud project that the product is deployed into."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{4,28}[a-z0-9]$", var.project_id))
    error_message = "project_id is the project's id (6 to 30 lower-case letters, digits and hyphens), not its name or number."
  }
}

variable "region" {
  description = "Where everything lives. It must offer API Gateway, Vertex AI Vector Search and Cloud Run functions."
  type        = string
  default     = "us-central1"
}

variable "runtime" {
  description = "Of the functions. The locked versions were tested with this one."
  type        = string
  default     = "python311"
}

variable "jwt" {
  description = "Who signs the owners' tokens, for whom, and where its keys are. Without it, Identity Platform of this project."
  type        = object({ issuer = string, audience = string, jwks_url = string })
  default     = null

  validation {
    condition     = var.jwt == null ? true : alltrue([for url in [var.jwt.issuer, var.jwt.jwks_url] : startswith(url, "https://")])
    error_message = "jwt.issuer and jwt.jwks_url must be https addresses."
  }
}

variable "identity_platform_exists" {
  description = "Whether Identity Platform runs in the project already, as after `make destroy`. `make deploy` looks for itself."
  type        = bool
  default     = false
}

variable "models" {
  description = "Names of the embedding models; an index is of use only with the models that filled it."
  type        = object({ text_embedding = string, image_embedding = string })
  default     = { text_embedding = "gemini-embedding-2", image_embedding = "gemini-embedding-2" }
}

variable "rate_limits" {
  description = "Budgets of every tenant, as RATE_LIMITS is written; empty for the standard plan."
  type        = string
  default     = ""
}

variable "connector_endpoints" {
  description = "Stores that speak like S3 or Azure, in place of Amazon's and Microsoft's; empty for theirs."
  type        = object({ s3 = optional(string, ""), azure_blob = optional(string, ""), azure_authority = optional(string, "") })
  default     = {}
}

variable "vector_search" {
  description = "Machines of the deployed index. They are paid for by the hour, used or not."
  type        = object({ machine_type = string, shard_size = string, min_replicas = number, max_replicas = number })
  default = {
    machine_type = "e2-standard-2"
    shard_size   = "SHARD_SIZE_SMALL"
    min_replicas = 1
    max_replicas = 2
  }
}

variable "min_instances" {
  description = "Instances kept warm, by function, over what its manifest says: { search = 1 }. Each is paid for while idle."
  type        = map(number)
  default     = {}
}

variable "stream_directly" {
  description = "Lets functions that stream be called at their own addresses too, for gateways without streaming. They check credentials themselves."
  type        = bool
  default     = false
}

variable "cors_origins" {
  description = "Origins whose pages may fetch signed addresses of media and upload to sessions, beside the console's own; [\"*\"] for all."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for origin in var.cors_origins : origin == "*" || can(regex("^https?://[^/]+$", origin))])
    error_message = "cors_origins are origins, like https://app.example.com, without a path or a slash at the end."
  }
}

variable "export_days" {
  description = "Days after which the files of exports are removed; 0 keeps each as long as its index or run."
  type        = number
  default     = 0
  validation {
    condition     = var.export_days >= 0 && floor(var.export_days) == var.export_days
    error_message = "A whole number of days, or 0."
  }
}

variable "deletion_protection" {
  description = "Refuses to delete the database and buckets that hold something. `make destroy` takes it away first."
  type        = bool
  default     = true
}

variable "key_ring" {
  description = "Name of the key ring. Google never deletes one: a project that was destroyed and is deployed anew needs another."
  type        = string
  default     = "videovector"
}

variable "alert_email" {
  description = "Who is told of alerts; empty: they are only shown."
  type        = string
  default     = ""
}

variable "billing_account" {
  description = "Billing account of the project, for the budget; empty: no budget is made."
  type        = string
  default     = ""
}

variable "monthly_budget" {
  description = "In whole units of the billing account's currency."
  type        = number
  default     = 500
}

variable "api_key_pepper" {
  description = "Secret that hashes of API keys are made with. Taken only when the secret is first made; `make deploy` makes it up."
  type        = string
  default     = null
  ephemeral   = true
}

variable "cursor_key" {
  description = "Secret that cursors and download tokens are sealed with. Taken only when the secret is first made."
  type        = string
  default     = null
  ephemeral   = true
}
