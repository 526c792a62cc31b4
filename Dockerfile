# syntax=docker/dockerfile:1
#
#   docker build -t attachd .
#   docker run -v ./config:/etc/attachd:ro -v attachd:/var/lib/attachd attachd
#
# Mount the folder of the configuration, not the one file: the container would go on
# seeing the old file when an editor replaces it. What stands in ./config must be
# readable for uid 65532, passwords included. Give it ten seconds to stop
# (docker run --stop-timeout), which is also Docker's default.

FROM --platform=$BUILDPLATFORM golang:1.26 AS build
ARG TARGETOS TARGETARCH
WORKDIR /src
COPY go.mod go.sum ./
RUN --mount=type=cache,target=/go/pkg/mod \
    go mod download
COPY . .
RUN --mount=type=cache,target=/go/pkg/mod \
    --mount=type=cache,target=/root/.cache/go-build \
    CGO_ENABLED=0 GOOS=$TARGETOS GOARCH=$TARGETARCH \
    go build -trimpath -buildvcs=false -ldflags='-s -w' -o /out/attachd ./cmd/attachd
# A named volume takes owner and mode from the folder it is mounted over. Group 0
# lets platforms run it as a random user of that group.
RUN mkdir /out/data

FROM gcr.io/distroless/static-debian12:nonroot
LABEL org.opencontainers.image.title="attachd" \
      org.opencontainers.image.description="Watches mailboxes over POP3S and writes attachments into a folder per account" \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.source="https://github.com/attachd/attachd"
COPY --from=build /out/attachd /usr/bin/attachd
COPY --from=build --chown=65532:0 --chmod=0770 /out/data /var/lib/attachd
USER 65532:65532
VOLUME /var/lib/attachd
HEALTHCHECK --interval=30s --timeout=5s --start-period=30s CMD ["/usr/bin/attachd", "healthcheck"]
ENTRYPOINT ["/usr/bin/attachd"]
CMD ["run", "--config", "/etc/attachd/attachd.yaml"]
