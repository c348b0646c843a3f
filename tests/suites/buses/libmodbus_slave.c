/* A slave made with libmodbus. `tcp` or the path of a tty, and a unit; prints its port, or 0. Each line `TABLE ADDRESS VALUE` on its
 * input, TABLE `d` for a discrete input or `i` for an input register, changes what a read gets; it says `ok`. */
#include <arpa/inet.h>
#include <errno.h>
#include <modbus/modbus.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static modbus_mapping_t *map;

static void *listen_to_orders(void *unused) {
    char table;
    int address, value;
    while (scanf(" %c %d %d", &table, &address, &value) == 3 && address >= 0 && address < 16) {
        if (table == 'd') map->tab_input_bits[address] = value;
        else map->tab_input_registers[address] = value;
        puts("ok");
        fflush(stdout);
    }
    exit(0);
    return unused;
}

static void serve(modbus_t *context) {
    uint8_t query[MODBUS_MAX_ADU_LENGTH];
    int length;
    while ((length = modbus_receive(context, query)) != -1 || errno == EMBBADCRC)
        if (length > 0) modbus_reply(context, query, length, map);
}

int main(int count, char **words) {
    if (count != 3) return 64;
    int is_tcp = !strcmp(words[1], "tcp"), listener = -1, port = 0;
    modbus_t *context = is_tcp ? modbus_new_tcp("127.0.0.1", 0) : modbus_new_rtu(words[1], 115200, 'N', 8, 1);
    map = modbus_mapping_new(16, 16, 16, 16);
    if (!context || !map || modbus_set_slave(context, atoi(words[2]))) return 70;
    if (is_tcp) {
        struct sockaddr_in at;
        socklen_t size = sizeof at;
        listener = modbus_tcp_listen(context, 4);
        if (listener == -1 || getsockname(listener, (struct sockaddr *)&at, &size)) return 69;
        port = ntohs(at.sin_port);
    } else if (modbus_connect(context)) {
        return 69;
    }
    printf("%d\n", port);
    fflush(stdout);
    pthread_t thread;
    if (pthread_create(&thread, NULL, listen_to_orders, NULL)) return 70;
    do {
        if (is_tcp && modbus_tcp_accept(context, &listener) == -1) return 69;
        serve(context);
    } while (is_tcp);
    return 69;
}
