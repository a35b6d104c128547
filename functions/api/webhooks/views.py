"""Webhooks and deliveries as they are shown."""

from typing import Any

from shared.domain.webhooks import Delivery, Webhook


def webhook_view(webhook: Webhook) -> dict[str, Any]:
    return {
        "webhook_id": webhook.webhook_id,
        "name": webhook.name,
        "url": webhook.url,
        "events": webhook.events,
        "index_ids": webhook.index_ids or None,
        "status": webhook.status,
        "failure_count": webhook.failure_count,
        "last_failure_at": webhook.last_failure_at,
        "last_success_at": webhook.last_success_at,
        "disabled_at": webhook.disabled_at,
        "disabled_reason": webhook.disabled_reason or None,
        "created_at": webhook.created_at,
        "updated_at": webhook.updated_at,
        "metadata": webhook.metadata,
    }


def delivery_view(delivery: Delivery) -> dict[str, Any]:
    return {
        "delivery_id": delivery.delivery_id,
        "webhook_id": delivery.webhook_id,
        "event_id": delivery.event_id,
        "event_type": delivery.event_type,
        "status": delivery.status,
        "attempts": delivery.attempts,
        "last_attempt_at": delivery.last_attempt_at,
        "next_retry_at": delivery.next_retry_at,
        "response_status_code": delivery.response_status_code,
        "response_body": delivery.response_body or None,
        "error_message": delivery.error_message or None,
        "created_at": delivery.created_at,
        "completed_at": delivery.completed_at,
        "payload": delivery.payload,
        "attempt_log": delivery.attempt_log,
    }
