/* A C program that calls the library until the very end: from other threads, from their destructors,
 * from atexit handlers and from destructors of the program. Its answer is its exit code. */
#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

typedef unsigned long number;
static number (*initialize)(void *), (*finalize)(void *);
static number (*slots)(unsigned char, number *, number *);
static number (*open_session)(number, number, void *, void *, number *), (*close_session)(number);
static number (*random_bytes)(number, unsigned char *, number);
static number slot;

static void use(void) {
    unsigned char bytes[64];
    number session;
    if (open_session(slot, 4, NULL, NULL, &session) == 0) {
        random_bytes(session, bytes, sizeof bytes);
        close_session(session);
    }
}

static void *forever(void *finalizes) {
    for (;;) {
        use();
        if (finalizes && finalize(NULL) == 0) initialize(NULL);
    }
    return NULL;
}

static pthread_key_t key;
static void at_thread_end(void *value) { (void)value; use(); }
static void *once(void *nothing) {
    use();
    pthread_setspecific(key, &key);
    return nothing;
}

static void at_exit(void) { use(); }
static void at_exit_and_end(void) { use(); finalize(NULL); use(); }
__attribute__((destructor)) static void at_the_very_end(void) { if (finalize) { use(); finalize(NULL); use(); } }

#define FIND(name, function) if (!(*(void **)&name = dlsym(module, function))) return 3

int main(int count, char **arguments) {
    void *module = dlopen(arguments[1], RTLD_NOW | RTLD_LOCAL);
    pthread_t thread;
    number all[64], count_of_all = 64;
    if (count < 3 || !module) return 2;
    FIND(initialize, "C_Initialize");
    FIND(slots, "C_GetSlotList");
    FIND(open_session, "C_OpenSession");
    FIND(close_session, "C_CloseSession");
    FIND(random_bytes, "C_GenerateRandom");
    FIND(finalize, "C_Finalize");
    if (initialize(NULL) || slots(0, all, &count_of_all)) return 4;
    slot = all[0];
    pthread_key_create(&key, at_thread_end);
    for (int i = 0; i < 8; i++) {
        if (pthread_create(&thread, NULL, once, NULL) || pthread_join(thread, NULL)) return 5;
    }
    atexit(at_exit);
    atexit(at_exit_and_end);
    for (int i = 0; i < 4; i++) {
        if (pthread_create(&thread, NULL, forever, i == 0 && arguments[2][0] == 'f' ? &key : NULL)) return 6;
    }
    usleep(3000);
    return 0;
}
