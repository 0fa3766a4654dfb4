-- CreateEnum
CREATE TYPE "payload_kind" AS ENUM ('secret', 'config');

-- CreateTable
CREATE TABLE "payload" (
    "id" TEXT NOT NULL,
    "kind" "payload_kind" NOT NULL,
    "name" TEXT NOT NULL,
    "labels" JSONB NOT NULL DEFAULT '{}',
    "latest" INTEGER NOT NULL DEFAULT 1,
    "version" INTEGER NOT NULL DEFAULT 1,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updated_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "payload_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "payload_version" (
    "payload_id" TEXT NOT NULL,
    "number" INTEGER NOT NULL,
    "key_id" TEXT NOT NULL,
    "sealed" BYTEA NOT NULL,
    "size" INTEGER NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "payload_version_pkey" PRIMARY KEY ("payload_id","number")
);

-- CreateTable
CREATE TABLE "revision_payload" (
    "service_id" TEXT NOT NULL,
    "revision" INTEGER NOT NULL,
    "payload_id" TEXT NOT NULL,
    "number" INTEGER NOT NULL,

    CONSTRAINT "revision_payload_pkey" PRIMARY KEY ("service_id","revision","payload_id")
);

-- CreateIndex
CREATE UNIQUE INDEX "payload_kind_name_key" ON "payload"("kind", "name");

-- CreateIndex
CREATE INDEX "payload_version_key_id_idx" ON "payload_version"("key_id");

-- CreateIndex
CREATE INDEX "revision_payload_payload_id_number_idx" ON "revision_payload"("payload_id", "number");

-- AddForeignKey
ALTER TABLE "payload_version" ADD CONSTRAINT "payload_version_payload_id_fkey" FOREIGN KEY ("payload_id") REFERENCES "payload"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "revision_payload" ADD CONSTRAINT "revision_payload_service_id_revision_fkey" FOREIGN KEY ("service_id", "revision") REFERENCES "service_revision"("service_id", "number") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "revision_payload" ADD CONSTRAINT "revision_payload_payload_id_number_fkey" FOREIGN KEY ("payload_id", "number") REFERENCES "payload_version"("payload_id", "number") ON DELETE RESTRICT ON UPDATE CASCADE;
