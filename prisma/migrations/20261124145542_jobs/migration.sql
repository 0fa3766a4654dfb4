-- CreateEnum
CREATE TYPE "job_run_state" AS ENUM ('running', 'complete', 'failed', 'cancelled', 'skipped');

-- AlterTable
ALTER TABLE "service" ADD COLUMN     "due_by" TEXT NOT NULL DEFAULT '',
ADD COLUMN     "next_due_at" TIMESTAMPTZ(3);

-- AlterTable
ALTER TABLE "task" ADD COLUMN     "run_number" INTEGER;

-- CreateTable
CREATE TABLE "job_run" (
    "service_id" TEXT NOT NULL,
    "number" INTEGER NOT NULL,
    "revision" INTEGER NOT NULL,
    "due_at" TIMESTAMPTZ(3),
    "state" "job_run_state" NOT NULL DEFAULT 'running',
    "message" TEXT NOT NULL DEFAULT '',
    "succeeded" INTEGER NOT NULL DEFAULT 0,
    "failed" INTEGER NOT NULL DEFAULT 0,
    "started_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "ended_at" TIMESTAMPTZ(3),

    CONSTRAINT "job_run_pkey" PRIMARY KEY ("service_id","number")
);

-- CreateIndex
CREATE UNIQUE INDEX "job_run_service_id_due_at_key" ON "job_run"("service_id", "due_at");

-- AddForeignKey
ALTER TABLE "job_run" ADD CONSTRAINT "job_run_service_id_fkey" FOREIGN KEY ("service_id") REFERENCES "service"("id") ON DELETE CASCADE ON UPDATE CASCADE;
