-- AlterTable
ALTER TABLE "service" ADD COLUMN     "is_update_paused" BOOLEAN NOT NULL DEFAULT false,
ADD COLUMN     "promoted_revision" INTEGER;
