#!/usr/bin/env bash
# ADD of URLs: what did not change is not sent again; servers that fail.
. "$(dirname "$0")/lib.bash"
start_web
echo one | file "$WEB_FOLDER/files/word"
file Dockerfile <<END
FROM scratch
ARG URL=http://$WEB/files/word
ADD \$URL /
END

# --- unchanged: asked once more, not sent; in another store sent again
build -o result .
expect_eq "$(cat result/word)" one
build -o result .
expect_cached ADD
expect_eq "$(web_requests)" "GET /files/word 200
GET /files/word 304"
build --no-cache -o result .
expect_eq "$(web_requests | tail -n 2)" "GET /files/word 304
GET /files/word 200"

# --- changed: sent, and the step runs again
echo two | file "$WEB_FOLDER/files/word"
build -o result .
expect_ran ADD
expect_eq "$(cat result/word)" two
expect_eq "$(web_requests | tail -n 1)" 'GET /files/word 200'

# --- a checksum says what it is: no need to ask
sum=$(sha256sum <"$WEB_FOLDER/files/word" | cut -d ' ' -f 1)
before=$(web_requests)
sed -i "s/^ADD/ADD --checksum=sha256:$sum/" Dockerfile
build -o result .
expect_eq "$(web_requests)" "$before"
echo three | file "$WEB_FOLDER/files/word"
sed -i "s|^ARG.*|ARG URL=http://$WEB/files/word?other|" Dockerfile
fails 5 'digest mismatch' slipway build -o result .
sed -i 's/--checksum=[^ ]* //' Dockerfile

# --- who is there
echo 'Bearer pass' >"$WEB_FOLDER/authorization"
url=http://$WEB/private/files/word
fails 3 'invalid response status 401' slipway build --build-arg "URL=$url" -o result .
TOKEN=pass ok slipway build --secret id=HTTP_AUTH_TOKEN_127.0.0.1,env=TOKEN --build-arg "URL=$url" -o result .
expect_eq "$(cat result/word)" three
TOKEN='Bearer pass' ok slipway build --secret id=HTTP_AUTH_HEADER_127.0.0.1,env=TOKEN --no-cache --build-arg "URL=$url" -o result .

# --- servers that fail: no result
rm -rf result
fails 1 'invalid response status 404' slipway build --build-arg "URL=http://$WEB/files/none" -o result .
fails 4 'more than 10 redirects' slipway build --build-arg "URL=http://$WEB/loop" -o result .
fails 4 "$WEB" slipway build --build-arg "URL=http://$WEB/truncated/word" -o result .
expect_no_file result
stop_web
