# SPDX-License-Identifier: Apache-2.0
"""A collector that takes OTLP over HTTP as JSON, and is strict: what is against the protocol is remembered as wrong.

It checks names, encodings and types of every field that it knows, and that it knows every field; ids of spans, times,
and the sums of histograms. By itself: prints its address, and a line for each span until its standard input ends.
"""
import http.server
import json
import re
import socketserver
import ssl
import sys
import threading

TRACE = re.compile(r'^(?!0{32})[0-9a-f]{32}$')
SPAN = re.compile(r'^(?!0{16})[0-9a-f]{16}$')
WIDE = re.compile(r'^-?(0|[1-9][0-9]*)$')


class Wrong(Exception):
    pass


def need(good, what):
    if not good:
        raise Wrong(what)


def members(value, where, required=(), allowed=()):
    need(isinstance(value, dict), f'{where} is no object')
    for name in required:
        need(name in value, f'{where} has no {name}')
    for name in value:
        need(name in required or name in allowed, f'{where} has a member {name}')


def items(value, where):
    need(isinstance(value, list), f'{where} is no array')
    return value


def wide(value, where):
    """An integer of 64 bits: decimal digits as text."""
    need(isinstance(value, str) and WIDE.match(value) and -2**63 <= int(value) < 2**64, f'{where} is {value!r}')
    return int(value)


def number(value, where):
    need(isinstance(value, (int, float)) and not isinstance(value, bool) or value in ('NaN', 'Infinity', '-Infinity'),
         f'{where} is {value!r}')


def text(value, where):
    need(isinstance(value, str), f'{where} is no text')


def any_value(value, where):
    kinds = {'stringValue': text, 'intValue': wide, 'doubleValue': number,
             'boolValue': lambda v, w: need(isinstance(v, bool), w),
             'arrayValue': lambda v, w: [any_value(one, w) for one in items(v.get('values', []), w)]}
    need(isinstance(value, dict) and len(value) == 1, f'{where} has not exactly one value')
    (kind, what), = value.items()
    need(kind in kinds, f'{where} has a value of kind {kind}')
    kinds[kind](what, where)


def attributes(owner, where):
    found = {}
    for one in items(owner.get('attributes', []), where):
        members(one, where, ('key', 'value'))
        text(one['key'], where)
        need(one['key'] and one['key'] not in found, f'{where} has {one["key"]} twice')
        any_value(one['value'], f'{where} {one["key"]}')
        (_, found[one['key']]), = one['value'].items()
    return found


def span(value, where):
    members(value, where, ('traceId', 'spanId', 'name', 'kind', 'startTimeUnixNano', 'endTimeUnixNano'),
            ('parentSpanId', 'traceState', 'flags', 'attributes', 'droppedAttributesCount', 'events',
             'droppedEventsCount', 'links', 'droppedLinksCount', 'status'))
    need(TRACE.match(value['traceId']), f'{where} traceId {value["traceId"]!r}')
    need(SPAN.match(value['spanId']), f'{where} spanId {value["spanId"]!r}')
    need('parentSpanId' not in value or SPAN.match(value['parentSpanId']), f'{where} parentSpanId')
    need(value['name'] and isinstance(value['name'], str), f'{where} name')
    need(value['kind'] in (1, 2, 3, 4, 5) and isinstance(value['kind'], int), f'{where} kind')
    start, end = wide(value['startTimeUnixNano'], where), wide(value['endTimeUnixNano'], where)
    need(0 < start <= end, f'{where} ends before it starts')
    attributes(value, where)
    for event in items(value.get('events', []), where):
        members(event, f'{where} event', ('timeUnixNano', 'name'), ('attributes', 'droppedAttributesCount'))
        need(start <= wide(event['timeUnixNano'], where) <= end, f'{where} has an event outside of it')
        attributes(event, f'{where} event')
    for link in items(value.get('links', []), where):
        members(link, f'{where} link', ('traceId', 'spanId'), ('attributes', 'flags', 'traceState'))
        need(TRACE.match(link['traceId']) and SPAN.match(link['spanId']), f'{where} link')
        attributes(link, f'{where} link')
    status = value.get('status', {})
    members(status, f'{where} status', (), ('code', 'message'))
    need(status.get('code', 0) in (0, 1, 2), f'{where} status code')
    need('message' not in status or status.get('code') == 2, f'{where} has a message without an error')


def points(kind, value, where):
    for point in items(value['dataPoints'], where):
        attributes(point, where)
        need(0 < wide(point['startTimeUnixNano'], where) <= wide(point['timeUnixNano'], where), f'{where} times')
        if kind != 'histogram':
            members(point, where, ('startTimeUnixNano', 'timeUnixNano', 'asDouble'), ('attributes',))
            number(point['asDouble'], where)
            continue
        members(point, where, ('startTimeUnixNano', 'timeUnixNano', 'count', 'bucketCounts', 'explicitBounds'),
                ('attributes', 'sum', 'min', 'max'))
        counts = [wide(count, where) for count in items(point['bucketCounts'], where)]
        bounds = items(point['explicitBounds'], where)
        need(len(counts) == len(bounds) + 1 and bounds == sorted(set(bounds)), f'{where} buckets')
        need(sum(counts) == wide(point['count'], where), f'{where} counts do not add up')


def metric(value, where):
    members(value, where, ('name',), ('description', 'unit', 'gauge', 'sum', 'histogram'))
    kinds = [kind for kind in ('gauge', 'sum', 'histogram') if kind in value]
    need(len(kinds) == 1, f'{where} has kinds {kinds}')
    data = value[kinds[0]]
    extra = {'gauge': (), 'sum': ('aggregationTemporality', 'isMonotonic'), 'histogram': ('aggregationTemporality',)}
    members(data, where, ('dataPoints', *extra[kinds[0]]))
    need(data.get('aggregationTemporality', 2) in (1, 2), f'{where} temporality')
    points(kinds[0], data, f'{where} {value["name"]}')


def read(document, what, each):
    """The resource's attributes and what there is: `what` is Spans or Metrics."""
    found, list_name = [], what.lower()
    members(document, 'body', ('resource' + what,))
    for resource in items(document['resource' + what], 'body'):
        members(resource, 'resource', ('resource', 'scope' + what), ('schemaUrl',))
        about = attributes(resource['resource'], 'resource')
        need(about.get('service.name'), 'resource has no service.name')
        for scope in items(resource['scope' + what], 'resource'):
            members(scope, 'scope', (list_name,), ('scope', 'schemaUrl'))
            members(scope.get('scope', {}), 'scope', (), ('name', 'version'))
            for number_, one in enumerate(items(scope[list_name], 'scope')):
                each(one, f'{list_name}[{number_}]')
                found.append(one)
    return about, found


class Collector:
    """`answer`: status of the answers, or a function of how many there were before. `tls`: files of certificate and
    key."""

    def __init__(self, answer=200, headers=(), body=b'{}', tls=None):
        self.answer, self.headers, self.body = answer, headers, body
        self.spans, self.metrics, self.wrong, self.requests, self.resources = [], [], [], [], []
        self.hold = None  # an event: nothing is answered before it is set
        collector = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = 'HTTP/1.1'

            def do_POST(self):
                collector.take(self)

            def log_message(self, *_):
                pass

        class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
            daemon_threads = True

            def handle_error(self, request, client_address):
                if tls is None:
                    super().handle_error(request, client_address)

        self.server = Server(('127.0.0.1', 0), Handler)
        if tls is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*tls)
            # The handshake is each connection's own: one that fails or stalls keeps nobody.
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True,
                                                     do_handshake_on_connect=False)
        self.address = 'http%s://127.0.0.1:%d' % ('s' if tls else '', self.server.server_address[1])
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True)
        self.thread.start()

    def take(self, request):
        body = request.rfile.read(int(request.headers.get('content-length', '0')))
        before = len(self.requests)
        self.requests.append((request.path, {name.lower(): value for name, value in request.headers.items()}, body))
        if self.hold is not None:
            self.hold.wait(60)
        status = self.answer(before) if callable(self.answer) else self.answer
        if 200 <= status < 300:
            try:
                self.note(request, body)
            except (Wrong, ValueError, KeyError, TypeError, AttributeError) as wrong:
                self.wrong.append(f'{type(wrong).__name__}: {wrong}')
                status = 400
        try:
            request.send_response(status)
            for name, value in (*self.headers, ('Content-Type', 'application/json'),
                                ('Content-Length', str(len(self.body)))):
                request.send_header(name, value)
            request.end_headers()
            request.wfile.write(self.body)
        except OSError:
            pass

    def note(self, request, body):
        need(request.headers.get('content-type') == 'application/json', 'content-type')
        document = json.loads(body)
        if request.path.endswith('/v1/traces'):
            about, found = read(document, 'Spans', span)
            self.spans += found
        else:
            need(request.path.endswith('/v1/metrics'), f'path {request.path}')
            about, found = read(document, 'Metrics', metric)
            self.metrics.append(found)
        self.resources.append(about)

    def close(self):
        if self.hold is not None:
            self.hold.set()
        self.server.shutdown()
        self.server.server_close()
        self.thread.join(20)


if __name__ == '__main__':
    running = Collector()
    print(running.address, flush=True)
    sys.stdin.read()
    for one in running.spans:
        print(json.dumps(one))
    for one in running.wrong:
        print('wrong: ' + one)
    running.close()
    sys.exit(1 if running.wrong else 0)
