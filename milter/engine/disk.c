/* disk.c - threads that do what waits for the disk */
#include "milter/engine/disk.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t come = PTHREAD_COND_INITIALIZER;
static struct ag_connection *first, **last = &first;
static unsigned places; /* taken in the queue, or promised */
static bool ended;

static struct {
	pthread_t thread;
	struct ag_scratch *scratch;
} workers[AG_DISK_THREADS];
static unsigned nworkers;
static void (*tell_done)(struct ag_connection *);

bool
ag_disk_reserve(void)
{
	bool room;

	pthread_mutex_lock(&lock);
	room = places < AG_DISK_QUEUE;
	places += room;
	pthread_mutex_unlock(&lock);
	return room;
}

void
ag_disk_give(struct ag_connection *c)
{
	pthread_mutex_lock(&lock);
	c->next = NULL;
	*last = c;
	last = &c->next;
	pthread_cond_signal(&come);
	pthread_mutex_unlock(&lock);
}

/* NULL at the end. */
static struct ag_connection *
wait_for_work(void)
{
	struct ag_connection *c;

	pthread_mutex_lock(&lock);
	while (first == NULL && !ended)
		pthread_cond_wait(&come, &lock);
	c = first;
	if (c != NULL) {
		first = c->next;
		if (first == NULL)
			last = &first;
		places--;
	}
	pthread_mutex_unlock(&lock);
	return c;
}

static void *
work(void *arg)
{
	struct ag_scratch *scratch = arg;
	struct ag_connection *c;

	while ((c = wait_for_work()) != NULL) {
		ag_connection_work(c, scratch);
		tell_done(c);
	}
	return NULL;
}

int
ag_disk_start(void (*done)(struct ag_connection *))
{
	int error = 0;

	tell_done = done;
	for (; error == 0 && nworkers < AG_DISK_THREADS; nworkers++) {
		struct ag_scratch *scratch = malloc(sizeof(*scratch));

		workers[nworkers].scratch = scratch;
		error = scratch == NULL ?
		    ENOMEM :
		    pthread_create(&workers[nworkers].thread, NULL, work,
			scratch);
	}
	return error;
}

void
ag_disk_stop(void)
{
	pthread_mutex_lock(&lock);
	ended = true;
	pthread_cond_broadcast(&come);
	pthread_mutex_unlock(&lock);
	for (unsigned i = 0; i < nworkers; i++) {
		pthread_join(workers[i].thread, NULL);
		free(workers[i].scratch);
	}
}
