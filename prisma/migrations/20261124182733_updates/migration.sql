-- CreateEnum
CREATE TYPE "update_state" AS ENUM ('updating', 'canary', 'paused', 'completed', 'reverting', 'reverted');

-- AlterTable
ALTER TABLE "service" ADD COLUMN     "settled_revision" INTEGER NOT NULL DEFAULT 1,
ADD COLUMN     "update_replaced" INTEGER NOT NULL DEFAULT 0,
ADD COLUMN     "update_state" "update_state";

-- what runs when this is applied is not judged as an update
UPDATE "service" SET "settled_revision" = "task_revision";
