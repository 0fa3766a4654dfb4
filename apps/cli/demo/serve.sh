# The first process of a container gets no default signal actions, so SIGTERM needs a handler to end it at once.
httpd -f -vv -p 8080 -h /www &
server=$!
trap 'kill $server; exit 0' TERM INT
echo "listening on port 8080 as $(hostname)" >&2
wait $server
