/** A balancer before replicas that are all alike. */
export interface Balancer {
  /** A port, or an address with one. */
  readonly listen: string;
  /** Address and port of each. */
  readonly replicas: readonly string[];
  /** Where it keeps its pid, and bodies too large for its memory. */
  readonly folder: string;
  /** The user its workers run as, where it is started as root. */
  readonly user?: string;
}

/**
 * The configuration of nginx 1.22 or later. A call's sockets go to the replica its id picks, to the next one in the
 * ring when that is away. Nothing that may have dialled is sent twice.
 */
export function nginxConfig({ listen, replicas, folder, user }: Balancer): string {
  return `${user === undefined ? '' : `user ${user};\n`}worker_processes auto;
worker_rlimit_nofile 16384;
pid ${folder}/nginx.pid;
# Messages of a lower level quote the request, and with it the secret in the socket's path.
error_log stderr crit;

events {
  worker_connections 8192;
}

http {
  client_body_temp_path ${folder}/body;
  proxy_temp_path ${folder}/proxy;
  fastcgi_temp_path ${folder}/fastcgi;
  uwsgi_temp_path ${folder}/uwsgi;
  scgi_temp_path ${folder}/scgi;
  access_log off;
  server_tokens off;
  # Retell's reports of long calls.
  client_max_body_size 10m;

  # Retell puts the call's id last, also behind a query in the configured address.
  map $request_uri $call_id {
    "~^/api/v1/calls/(?<named>[^/?]+)" $named;
    "~/(?<last>[^/?]+)(?:\\?[^/]*)?$" $last;
    default $request_id;
  }

  # A redial finds the replica that knows the call, and only the calls of a lost replica move. None is ever marked as
  # failed: of a socket it is known that all is well only when it ends, so in a deploy all would be marked in the end.
  upstream of_the_call {
    zone of_the_call 64k;
    hash $call_id consistent;
${servers(replicas, 'max_fails=0')}
  }

  # One that failed is passed over for a second, by all workers.
  upstream any {
    zone any 64k;
    least_conn;
${servers(replicas, 'max_fails=1 fail_timeout=1s')}
  }

  server {
    listen ${listen};
    proxy_http_version 1.1;
    proxy_connect_timeout 1s;
    proxy_set_header Host $http_host;
    proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
    proxy_set_header X-Forwarded-Proto $scheme;

    location /llm-websocket {
      proxy_pass http://of_the_call;
      proxy_set_header Upgrade $http_upgrade;
      proxy_set_header Connection upgrade;
      # Retell pings every two seconds and is answered at once: a replica that has said nothing for so long is frozen.
      # Retell gives up an upgrade after seven.
      proxy_read_timeout 6s;
      proxy_send_timeout 6s;
      proxy_socket_keepalive on;
      # 503: it is draining.
      proxy_next_upstream error timeout http_503;
    }

    # A second delivery changes nothing, so the next replica may have what the first one took and did not answer. Two
    # tries fit into the ten seconds that Retell waits.
    location ~ ^/(?:webhooks/|retell-webhook$) {
      proxy_pass http://any;
      proxy_read_timeout 4s;
      proxy_next_upstream error timeout http_503 non_idempotent;
      proxy_next_upstream_tries 2;
    }

    # The fleet is ready when one of it is.
    location = /ready {
      proxy_pass http://any;
      proxy_read_timeout 2s;
      proxy_next_upstream error timeout http_503;
    }

    # Without "non_idempotent" a POST goes to another replica only while none has seen any of it: whoever was asked
    # to dial may have dialled.
    proxy_next_upstream error timeout;

    # Who holds a call knows best how it stands.
    location ~ ^/api/v1/calls/. {
      proxy_pass http://of_the_call;
    }

    location / {
      proxy_pass http://any;
      # A tool may take ten minutes.
      proxy_read_timeout 610s;
    }
  }
}
`;
}

function servers(replicas: readonly string[], terms: string): string {
  return replicas.map((replica) => `    server ${replica} ${terms};`).join('\n');
}
