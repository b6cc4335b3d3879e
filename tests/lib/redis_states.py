"""Real redis-servers (redis_server.py) in states in which they do not answer as
they should, for the tests of the plugin and of its diagnosis."""
import contextlib
import os

import redis_server
from redis_server import Error, Redis
from watch import until


def load_slowly(redis):
    """It ends, starts anew, and is at its data for some twenty seconds."""
    redis.ask("DEBUG", "POPULATE", "5000")
    redis.ask("SAVE")
    redis.stop()
    with open(redis.conf(), "a") as f:
        f.write("key-load-delay 4000\n"
                "loading-process-events-interval-bytes 1024\n")
    redis.again()


def fail_bgsave(redis):
    """A folder stands where the snapshot should be put. It needs a "save" line
    in the configuration, for Redis to refuse writes."""
    os.mkdir(os.path.join(redis.folder, "dump.rdb"))
    redis.ask("SET", "x", "y")
    redis.ask("BGSAVE")
    until("bgsave to fail", lambda: "rdb_last_bgsave_status:err" in
          redis.ask("INFO", "persistence"))


def fail_aof(redis):
    """Its disk is full already; writes come to more than a page has left."""
    redis.ask("SET", "x", "y" * 10000)
    until("the write to fail", lambda: "aof_last_write_status:err" in
          redis.ask("INFO", "persistence"))


@contextlib.contextmanager
def all_connections_taken(folder):
    """A server that has two, both of which are in use."""
    with Redis(folder, "maxclients 2") as redis:
        until("the client of the start to be gone", lambda:
              "connected_clients:1\r" in redis.ask("INFO", "clients"))
        with redis.client() as one, redis.client() as two:
            assert one.ask("PING") == two.ask("PING") == "PONG"
            yield redis


def _is_busy(redis):
    try:
        redis.ask("PING")
    except Error as error:
        return "BUSY" in str(error)
    return False


@contextlib.contextmanager
def busy_script(folder):
    with Redis(folder, "busy-reply-threshold 100") as redis, \
            redis.client() as client:
        client.send("EVAL", "while true do end", "0")
        until("the script to be too long", lambda: _is_busy(redis))
        yield redis


@contextlib.contextmanager
def linked_replica(folder, primary):
    with Redis(folder, "replicaof 127.0.0.1 %d" % primary.port) as replica:
        until("the link", lambda: "master_link_status:up" in
              replica.ask("INFO", "replication"))
        yield replica


@contextlib.contextmanager
def cluster(folder, size):
    """Its nodes, among which the slots are shared out in their order."""
    with contextlib.ExitStack() as stack:
        nodes = []
        for _ in range(size):
            bus = redis_server.free_port()
            node = Redis(folder, "cluster-enabled yes",
                         "cluster-port %d" % bus, "cluster-node-timeout 1000")
            node.cluster_port = bus
            nodes.append(stack.enter_context(node))
        _join(nodes)
        yield nodes


def _join(nodes):
    share = -(-16384 // len(nodes))
    for i, node in enumerate(nodes):
        node.ask("CLUSTER", "ADDSLOTSRANGE", i * share,
                 min((i + 1) * share, 16384) - 1)
        node.ask("CLUSTER", "SET-CONFIG-EPOCH", i + 1)
    for node in nodes[1:]:
        nodes[0].ask("CLUSTER", "MEET", "127.0.0.1", node.port,
                     node.cluster_port)
    known = "cluster_known_nodes:%d" % len(nodes)
    until("the cluster to be well", lambda: all(
        "cluster_state:ok" in n.ask("CLUSTER", "INFO") and
        known in n.ask("CLUSTER", "INFO") for n in nodes), 60)


def end_a_node(nodes, gone):
    """And the others notice: nodes[0] is one of them."""
    nodes[gone].stop()
    until("the cluster to fail", lambda: "cluster_state:fail" in
          nodes[0].ask("CLUSTER", "INFO"), 60)
