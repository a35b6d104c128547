# One index for all tenants, told apart by restricts; updates are streamed, so that what is written is found within seconds.
resource "google_vertex_ai_index" "this" {
  project             = var.project_id
  region              = var.region
  display_name        = "videovector"
  description         = "Text and image vectors of segments"
  index_update_method = "STREAM_UPDATE"
  depends_on          = [google_project_service.used]

  metadata {
    config {
      dimensions                  = 768
      distance_measure_type       = "DOT_PRODUCT_DISTANCE"
      feature_norm_type           = "NONE"
      approximate_neighbors_count = 150
      shard_size                  = var.vector_search.shard_size
      algorithm_config {
        tree_ah_config {
          leaf_node_embedding_count    = 1000
          leaf_nodes_to_search_percent = 10
        }
      }
    }
  }
}

resource "google_vertex_ai_index_endpoint" "this" {
  # checkov:skip=CKV2_GCP_34: a private endpoint needs a network that functions do not have; this one takes IAM credentials only
  project                 = var.project_id
  region                  = var.region
  display_name            = "videovector"
  public_endpoint_enabled = true # asked with IAM credentials only
  depends_on              = [google_project_service.used]
}

resource "google_vertex_ai_index_endpoint_deployed_index" "this" {
  index_endpoint    = google_vertex_ai_index_endpoint.this.id
  index             = google_vertex_ai_index.this.id
  deployed_index_id = "videovector"
  region            = var.region

  dedicated_resources {
    min_replica_count = var.vector_search.min_replicas
    max_replica_count = var.vector_search.max_replicas
    machine_spec {
      machine_type = var.vector_search.machine_type
    }
  }
}
