#include "scimd/webhook/internal.h"

void webhook_status(struct webhook *webhook, struct webhook_status *ret)
{
	pthread_mutex_lock(&webhook->lock);
	*ret = webhook->status;
	pthread_mutex_unlock(&webhook->lock);
}
