# The image of attachd: one static binary, no shell, no root. make image builds it with a version;
# plainly it is
#
#   docker build -t attachd .
#   docker run -v "$PWD/config:/etc/attachd:ro" -v attachd:/var/lib/attachd attachd
#
# deploy/docker/README.md has the rest: Compose, permissions, passwords, a NAS.

FROM --platform=$BUILDPLATFORM golang:1.26 AS build
ARG TARGETOS TARGETARCH
WORKDIR /src
COPY go.mod go.sum ./
RUN --mount=type=cache,target=/go/pkg/mod \
    go mod download
# /var/lib/attachd lies in a folder that is copied as a whole: COPY gives the folder that it is
# told to make 0755 whatever --chmod says, and those within it their own mode. A named volume takes
# owner and mode from it. Group 0 lets platforms run the image as a random user of that group.
RUN mkdir -p /out/usr/bin /out/var/lib/attachd && \
    chown 65532:0 /out/var/lib/attachd && \
    chmod 0770 /out/var/lib/attachd
COPY . .
ARG VERSION
RUN --mount=type=cache,target=/go/pkg/mod \
    --mount=type=cache,target=/root/.cache/go-build \
    CGO_ENABLED=0 GOOS=$TARGETOS GOARCH=$TARGETARCH \
    go build -trimpath -buildvcs=false \
    -ldflags="-s -w ${VERSION:+-X github.com/attachd/attachd/cmd/attachd/version.number=v${VERSION#v}}" \
    -o /out/usr/bin/attachd ./cmd/attachd

FROM gcr.io/distroless/static-debian13:nonroot
ARG VERSION REVISION CREATED
LABEL org.opencontainers.image.title="attachd" \
      org.opencontainers.image.description="Watches mailboxes over POP3S and writes attachments into a folder per account" \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.source="https://github.com/attachd/attachd" \
      org.opencontainers.image.documentation="https://github.com/attachd/attachd/blob/main/deploy/docker/README.md" \
      org.opencontainers.image.version="$VERSION" \
      org.opencontainers.image.revision="$REVISION" \
      org.opencontainers.image.created="$CREATED"
COPY --from=build /out /
USER 65532:65532
VOLUME /var/lib/attachd
HEALTHCHECK --interval=30s --timeout=5s --start-period=30s CMD ["/usr/bin/attachd", "healthcheck"]
ENTRYPOINT ["/usr/bin/attachd"]
CMD ["run", "--config", "/etc/attachd/attachd.yaml"]
